"""What every walk of one comparison works with: clients, report, speed limit, and its place."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

from aiolimiter import AsyncLimiter

from services.indexer.context import Context
from services.indexer.reconcile.report import Place, Report
from shared.database.reports import find_place, keep_place
from shared.domain.errors import Unavailable
from shared.runtime.logs import get_logger
from shared.runtime.progress import tell_progress
from shared.storage.connection import StorageUnavailable

STEPS = 50
"""Names after which the place is kept anew."""
KEEP_SECONDS = 30.0
"""Time after which it is kept anew before that: some names take hours."""

log = get_logger(__name__)


def pace_of(requests_per_second: float) -> AsyncLimiter:
    """Return a limiter of this rate; below one a second it lets one through at a time."""
    return AsyncLimiter(max(requests_per_second, 1.0), max(1 / requests_per_second, 1.0))


def stuck_after(requests_per_second: float) -> float:
    """Return how long a walk of this rate may take for a step: else it stands still.

    A request to storage is tried three times, 30 s each, and waits for its turn before.
    """
    return 180.0 + 2 / requests_per_second


@dataclass(slots=True)
class Round:
    """One comparison that is under way."""

    context: Context
    report: Report
    pace: AsyncLimiter
    """Taken once for each request to storage."""
    kept_as: str
    """Under which name the place is kept."""
    place: Place = field(default_factory=Place)
    """What was compared last: another process goes on after it where this one dies."""
    foreseen: set[str] = field(default_factory=set[str])
    """Of a dry run, the folders and reports of the page before: they may go over its end."""
    _counted: dict[str, int] = field(default_factory=dict[str, int])
    """Repairs of the report that were counted already, here or before it was cut off."""
    _steps: int = 0
    _kept_at: float = field(default_factory=monotonic)

    @property
    def dry(self) -> bool:
        """Whether nothing may be changed."""
        return self.report.dry_run

    async def reached(self, *, bucket: str | None, name: str) -> None:
        """Note that everything up to this name is compared."""
        tell_progress()
        reached = {"bucket": bucket, "name": name, "model": "", "number": 0}
        self.place = self.place.model_copy(update=reached)
        self._steps += 1
        if self._steps % STEPS == 0 or self._is_due():
            await self.keep()

    async def reached_number(self, model: str, number: int) -> None:
        """Note that the versions of the model under way are compared up to this number."""
        tell_progress()
        self.place = self.place.model_copy(update={"model": model, "number": number})
        if self._is_due():
            await self.keep()

    def number_of(self, model: str) -> int:
        """Return the number up to which versions of a model were compared before; 0: none."""
        return self.place.number if self.place.model == model else 0

    def _is_due(self) -> bool:
        return monotonic() - self._kept_at >= KEEP_SECONDS

    def begin(self, walk: str) -> bool:
        """Begin a walk of the round, or go on with it; False where it was done before."""
        if walk in self.place.done:
            return False
        if self.place.walk != walk:
            self.place = Place(walk=walk, done=self.place.done)
        return True

    async def end(self, walk: str) -> None:
        """Note that a walk is done."""
        self.place = Place(done=[*self.place.done, walk])
        await self.keep()

    async def keep(self) -> None:
        """Keep the place with what was seen until there."""
        self._kept_at = monotonic()
        self.count_repairs()
        if not self.dry:
            under_way = {"place": self.place.model_dump(), "report": self.report.model_dump()}
            await keep_place(self.context.database, self.kept_as, under_way)

    def count_repairs(self) -> None:
        """Count what was mended since the last time."""
        repairs = self.report.repairs
        if not self.dry:
            new = {kind: repairs[kind] - self._counted.get(kind, 0) for kind in repairs}
            self.context.counts.repaired(new)
        self._counted = repairs

    @asynccontextmanager
    async def telling(self, what: str) -> AsyncGenerator[None]:
        """Tell an error of the block in the report, and go on: it concerns this alone.

        Raises Unavailable where a server is away.
        """
        try:
            yield
        except Exception as error:
            await self.heed_outage(error)
            log.error("not compared", what=what, exc_info=error)
            self.report.add_error(f"{what}: {type(error).__name__}: {error}")

    async def heed_outage(self, error: Exception) -> None:
        """Raise the error where a server is away; an object that storage fails at is none.

        Storage fails at a damaged object as if it were away, and for ever: nothing that comes
        after it would be compared again.
        """
        if isinstance(error, StorageUnavailable):
            await self.context.storage.buckets.exists(self.context.settings.minio_bucket)
        elif isinstance(error, Unavailable):
            raise error


async def begin_round(
    context: Context,
    requests_per_second: float,
    kept_as: str,
    *,
    resume: bool = False,
    dry_run: bool = False,
) -> Round:
    """Return a new round; with `resume`, the one that was cut off, to go on where it was."""
    pace = pace_of(requests_per_second)
    kept = await find_place(context.database, kept_as) if resume else None
    if kept is None:
        report = Report(started_at=await context.database.now(), dry_run=dry_run)
        return Round(context, report, pace, kept_as)
    place, report = Place(**kept["place"]), Report(**kept["report"])
    log.info("goes on where it was cut off", round=kept_as, walk=place.walk, name=place.name)
    return Round(context, report, pace, kept_as, place, _counted=report.repairs)
