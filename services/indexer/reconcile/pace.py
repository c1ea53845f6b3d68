"""What every walk of one comparison works with: the clients, the report, the speed limit."""

from dataclasses import dataclass

from aiolimiter import AsyncLimiter

from services.indexer.context import Context
from services.indexer.reconcile.report import Report


def pace_of(requests_per_second: float) -> AsyncLimiter:
    """Return a limiter of this rate; below one a second it lets one through at a time."""
    return AsyncLimiter(max(requests_per_second, 1.0), max(1 / requests_per_second, 1.0))


@dataclass(frozen=True, slots=True)
class Round:
    """One comparison that is under way."""

    context: Context
    report: Report
    pace: AsyncLimiter
    """Taken once for each request to storage."""

    @property
    def dry(self) -> bool:
        """Whether nothing may be changed."""
        return self.report.dry_run
