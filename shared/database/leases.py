"""Leases by name: what only one process should do at a time, such as relaying or reconciling.

They spare double work; nothing relies on them for truth, since a process that was frozen may go
on for a moment after its lease ended.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from shared.database.client import Database, limit_operations
from shared.database.errors import DatabaseUnavailable, DuplicateKey
from shared.domain.records import new_id
from shared.runtime.logs import get_logger
from shared.runtime.progress import tell_progress
from shared.runtime.tasks import heed_cancellation, run_guarded

GIVE_BACK_SECONDS = 2.0
"""How long giving a lease back may take: without it, the lease ends by itself."""
T = TypeVar("T")

log = get_logger(__name__)


class LeaseLost(Exception):
    """Another process has taken the lease: this one was silent for too long."""


async def run_under_lease(
    database: Database, name: str, body: Callable[[], Coroutine[Any, Any, T]], *, seconds: float
) -> T:
    """Wait for the lease, run `body` while it is held, and give the lease back.

    It is renewed three times in its life of `seconds`, by the server's clock. Raises LeaseLost,
    with `body` cancelled, when it was lost meanwhile; what `body` raises; and DatabaseUnavailable
    where it cannot be taken.
    """
    token = new_id()

    async def renew() -> bool:
        return await _renew(database, name, token, seconds)

    try:
        # Inside too: cut off while the server answers, the lease may have been taken.
        await _wait_for(database, name, token, seconds)
        return await run_guarded(body(), keep_renewed(name, renew, seconds=seconds))
    finally:
        await _give_back(database, name, token)


async def _wait_for(database: Database, name: str, token: str, seconds: float) -> None:
    while True:
        if await try_lease(database, name, token, seconds=seconds):
            return
        tell_progress()
        await asyncio.sleep(random.uniform(seconds / 6, seconds / 3))  # noqa: S311 - no secret


async def try_lease(database: Database, name: str, token: str, *, seconds: float) -> bool:
    """Take the lease where nobody holds it; it ends by itself. Raises DatabaseUnavailable."""
    now = await database.now()
    try:
        # One that is held does not match, and making it a second time fails on its id.
        await database.leases.update_one(
            {"_id": name, "expires_at": {"$lte": now}},
            {"$set": {"token": token, "expires_at": now + timedelta(seconds=seconds)}},
            upsert=True,
        )
    except DuplicateKey:
        return False
    return True


async def keep_renewed(
    name: str, renew: Callable[[], Awaitable[bool]], *, seconds: float
) -> NoReturn:
    """Renew a lease three times in its life until cancelled; `renew` says whether it is held.

    Raises LeaseLost.
    """
    while True:
        heed_cancellation()
        await asyncio.sleep(seconds / 3)
        try:
            held = await renew()
        except DatabaseUnavailable as error:
            log.warning("lease not renewed", lease=name, error=error.reason)
            continue  # while the server is away nobody else can take it either
        if not held:
            raise LeaseLost(name)


async def _renew(database: Database, name: str, token: str, seconds: float) -> bool:
    expires_at = await database.now() + timedelta(seconds=seconds)
    result = await database.leases.update_one(
        {"_id": name, "token": token}, {"$set": {"expires_at": expires_at}}
    )
    return result.matched_count == 1


async def _give_back(database: Database, name: str, token: str) -> None:
    try:
        with limit_operations(GIVE_BACK_SECONDS):
            await database.leases.delete_one({"_id": name, "token": token})
    except DatabaseUnavailable as error:
        log.warning("lease not given back", lease=name, error=error.reason)
