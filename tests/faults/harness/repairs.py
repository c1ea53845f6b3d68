"""What the reconciler says that it repaired: its reports, each seen before the next replaces it."""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Any, Self

from shared.database.errors import DatabaseUnavailable
from shared.database.reports import COMPARISON
from tests.faults.harness.view import View

LOOK_SECONDS = 0.5
"""Much shorter than the interval between two comparisons."""
KINDS = ("indexed", "found", "expired", "missing", "restored")


class Repairs:
    """Follows the reports in the database while the block runs."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._counts: Counter[str] = Counter()
        self._seen: set[object] = set()
        self._task: asyncio.Task[None]

    @property
    def comparisons(self) -> int:
        """How many comparisons came to their end."""
        return len(self._seen)

    @property
    def by_kind(self) -> dict[str, int]:
        """How much was repaired, by what it was."""
        return {kind: self._counts[kind] for kind in KINDS}

    async def __aenter__(self) -> Self:
        """Begin to follow."""
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        """End following."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _follow(self) -> None:
        while True:
            with suppress(DatabaseUnavailable):
                # Not the place of a comparison that is under way, which lies beside the report.
                query = {"_id": COMPARISON}
                report = await self._view.database.reports.find_one(query)
                if report is not None:
                    self._add(report)
            await asyncio.sleep(LOOK_SECONDS)

    def _add(self, report: dict[str, Any]) -> None:
        if report["started_at"] not in self._seen:
            self._seen.add(report["started_at"])
            self._counts.update({kind: report.get(kind, 0) for kind in KINDS})
