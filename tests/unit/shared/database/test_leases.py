"""A lease that was taken is given back, also where its taker was cut off before it knew."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from shared.database.leases import run_under_lease


class Leases:
    """The collection of a server that has done what it was asked for, and does not answer yet."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.asked = asyncio.Event()

    async def update_one(self, query: Any, change: Any, **_: Any) -> Any:
        self.held[query["_id"]] = change["$set"]["token"]
        self.asked.set()
        await asyncio.Event().wait()

    async def delete_one(self, query: Any) -> None:
        if self.held.get(query["_id"]) == query["token"]:
            del self.held[query["_id"]]


async def test_who_is_cut_off_while_the_server_answers_leaves_no_lease() -> None:
    async def now() -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    leases = Leases()
    database: Any = SimpleNamespace(leases=leases, now=now)
    taking = asyncio.create_task(
        run_under_lease(database, "relay", asyncio.Event().wait, seconds=15)
    )
    await leases.asked.wait()
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert leases.held == {}
