"""Work that is done again and again, by one indexer at a time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import NoReturn

from services.indexer.context import Context
from services.indexer.reconcile.pace import stuck_after
from services.indexer.reconcile.round import expire
from services.indexer.reconcile.scrub import scrub
from services.indexer.retention import apply_retention
from shared.database.leases import LeaseLost, run_under_lease
from shared.domain.errors import RegistryError
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, rest_after
from shared.runtime.tasks import heed_cancellation

LEASE_SECONDS = 15.0
EXPIRY_SECONDS = 60.0
"""Longest pause between two looks for uploads that are over."""
SCRUB_PAUSE_SECONDS = 3600.0
"""Longest pause after a scrub, before everything is looked at once more."""

log = get_logger(__name__)


def periodic_parts(context: Context) -> list["Periodic"]:
    """Return the parts that the settings ask for, whoever asks for comparisons."""
    settings = context.settings
    pause = min(EXPIRY_SECONDS, settings.reconcile_interval_seconds or EXPIRY_SECONDS)
    rate = settings.reconcile_requests_per_second
    paced = {"pause_seconds": pause, "requests_per_second": rate}
    parts = [Periodic(context, "expire", lambda: expire(context), **paced)]
    if rate := settings.scrub_requests_per_second:
        paced = {"pause_seconds": SCRUB_PAUSE_SECONDS, "requests_per_second": rate}
        parts.append(Periodic(context, "scrub", lambda: scrub(context), **paced))
    if pause := settings.retention_interval_seconds:
        paced = {"pause_seconds": pause, "requests_per_second": 1.0}
        parts.append(Periodic(context, "retention", lambda: apply_retention(context), **paced))
    return parts


class Periodic:
    """Does one kind of work after each pause; a failure is logged, and it is tried again then."""

    def __init__(
        self,
        context: Context,
        name: str,
        work: Callable[[], Awaitable[object]],
        *,
        pause_seconds: float,
        requests_per_second: float,
    ) -> None:
        self._context = context
        self._name = name
        self._work = work
        self._pause_seconds = pause_seconds
        self.mark = Mark(name, stuck_after(requests_per_second))

    async def run(self) -> NoReturn:
        """Work until cancelled."""
        while True:
            heed_cancellation()
            pause = random.uniform(self._pause_seconds / 2, self._pause_seconds)  # noqa: S311
            self.mark.idle(pause)
            await asyncio.sleep(pause)
            self.mark.moved()
            try:
                with self.mark.told_from_within():
                    await run_under_lease(
                        self._context.database, self._name, self._once, seconds=LEASE_SECONDS
                    )
            except (RegistryError, LeaseLost) as error:
                log.warning(
                    "not done", work=self._name, error=type(error).__name__, detail=str(error)
                )
            except Exception as error:
                # A defect, perhaps of one record: all else goes on meanwhile.
                log.error("not done", work=self._name, exc_info=error)
                await rest_after(error, self.mark, self._pause_seconds)
            else:
                self.mark.succeeded()

    async def _once(self) -> None:
        await self._work()
