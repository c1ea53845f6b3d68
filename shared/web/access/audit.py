"""Keeping the audit: a change waits until its entry is written, a refusal waits for nothing.

Refusals, and what became of changes, are written behind the answers, once a second by one
statement of bounded size: a flood of refusals costs the database next to nothing. Those for which
their queue has no room are counted, and told by one entry.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import islice
from typing import NoReturn

from shared.database.audit import write_behind, write_entry
from shared.database.client import Database, limit_operations
from shared.domain.access.audit import NOT_KEPT, AuditRecord, ChangeEnd
from shared.domain.errors import Unavailable
from shared.domain.records import new_id, utc_now
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, growing_pause
from shared.runtime.tasks import end, heed_cancellation

MOST_REFUSALS = 1000
"""Refusals that wait to be written."""
REFUSALS_TOGETHER = 50
MOST_ENDS = 10_000
"""Ends of changes that wait to be written; beyond them a change stays `allowed`."""
ENDS_TOGETHER = 500
PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 30.0
CLOSE_SECONDS = 3.0
"""How long the end of the process may take to write what still waits."""
STUCK_SECONDS = 60.0

log = get_logger(__name__)


class Audit:
    """What this process keeps of changes and refusals."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._refusals: deque[AuditRecord] = deque()
        self._ends: dict[str, ChangeEnd] = {}
        self._not_kept = 0
        self._wake = asyncio.Event()
        self.mark = Mark("audit", STUCK_SECONDS)
        """Whether what waits is still written."""

    async def begin(self, entry: AuditRecord) -> None:
        """Write the entry of a change that is about to be made; raises DatabaseUnavailable."""
        await write_entry(self._database, entry)

    def ended(self, entry_id: str, ending: ChangeEnd) -> None:
        """Have it written what became of a change."""
        if len(self._ends) < MOST_ENDS:
            self._ends[entry_id] = ending
            self._wake.set()

    def refused(self, entry: AuditRecord) -> None:
        """Have a refusal written, or counted where too many wait."""
        if len(self._refusals) < MOST_REFUSALS:
            self._refusals.append(entry)
            self._wake.set()
        else:
            self.refused_unnamed()

    def refused_unnamed(self) -> None:
        """Have a refusal counted."""
        self._not_kept += 1
        self._wake.set()

    async def run(self) -> NoReturn:
        """Write what waits, again and again, until cancelled."""
        while True:
            heed_cancellation()
            self.mark.idle()
            await self._wake.wait()
            self.mark.idle(PAUSE_SECONDS)
            await asyncio.sleep(PAUSE_SECONDS)  # what comes meanwhile goes with it
            self.mark.moved()
            await self._write_or_wait()

    async def close(self) -> None:
        """Write all that waits, within a limit of time; what is lost is logged."""
        if not self._waits:
            return
        try:
            with limit_operations(CLOSE_SECONDS):
                await self._write(MOST_REFUSALS, MOST_ENDS)
        except Unavailable as error:
            lost = len(self._refusals) + self._not_kept
            log.warning("audit not written", refusals=lost, ends=len(self._ends), reason=str(error))

    async def _write_or_wait(self) -> None:
        """Write a part of what waits; while the database is away, wait and leave it waiting."""
        self._wake.clear()
        try:
            await self._write(REFUSALS_TOGETHER, ENDS_TOGETHER)
            self.mark.succeeded()
        except Exception as error:
            # None ends the loop: what is wrong with the statement is told by the mark, and with
            # the server by readiness.
            if not isinstance(error, Unavailable):
                log.error("audit cannot be written", exc_info=error)
            self.mark.failed(error)
            pause = growing_pause(self.mark.failures, MAX_PAUSE_SECONDS)
            self.mark.idle(pause)
            await asyncio.sleep(pause)
        if self._waits:
            self._wake.set()

    async def _write(self, most_refusals: int, most_ends: int) -> None:
        refusals = list(islice(self._refusals, most_refusals))
        ends = dict(islice(self._ends.items(), most_ends))
        not_kept = self._not_kept
        entries = [*refusals, _counted(not_kept)] if not_kept else refusals
        await write_behind(self._database, entries, ends)
        # Only now: until it is written, it waits.
        for _ in refusals:
            self._refusals.popleft()
        for entry_id in ends:
            del self._ends[entry_id]
        self._not_kept -= not_kept

    @property
    def _waits(self) -> bool:
        return bool(self._refusals or self._ends or self._not_kept)


@asynccontextmanager
async def open_audit(database: Database) -> AsyncGenerator[Audit]:
    """Keep the audit during the block; at its end what waits is written."""
    audit = Audit(database)
    writing = asyncio.create_task(audit.run())
    try:
        yield audit
    finally:
        await end(writing)
        await audit.close()


def _counted(count: int) -> AuditRecord:
    """Return the entry that stands for refusals which are not kept."""
    nothing = dict.fromkeys(("principal", "action", "model", "subject", "address"), "")
    return AuditRecord(
        id=new_id(), at=utc_now(), request_id="", outcome=NOT_KEPT, count=count, **nothing
    )
