"""Ingest's figures: uploads under way, what it settled, and how the service stands."""

from collections.abc import Awaitable, Callable, Iterable

from services.ingest.context import Context
from services.ingest.counts import REASONS
from shared.database.client import limit_operations
from shared.database.depths import count_open_uploads
from shared.runtime.telemetry.metrics import Metrics
from shared.runtime.telemetry.samples import Figure, Question, Readings
from shared.runtime.telemetry.settled import SettledVersions
from shared.web.readiness import ANSWER_SECONDS
from shared.web.standing import standing

UPLOADS = Figure("registry_uploads_open", "Uploads under way, at least: 1000 are counted at most")


class Figures:
    """What ingest tells. It is answered once the service has started."""

    def __init__(self, metrics: Metrics) -> None:
        self.counts = SettledVersions(metrics.registry, REASONS)
        self._missing: Callable[[], Awaitable[Iterable[str]]] | None = None
        self._context: Context | None = None
        metrics.samples.add(standing(self._named))
        metrics.samples.add(Question("uploads", (UPLOADS,), self._uploads))

    def watch(self, missing: Callable[[], Awaitable[Iterable[str]]], context: Context) -> None:
        """Tell from now on of these; `missing` returns what readiness names."""
        self._missing, self._context = missing, context

    async def _named(self) -> Iterable[str]:
        return ["start"] if self._missing is None else await self._missing()

    async def _uploads(self) -> Readings:
        if self._context is None:
            return {}
        with limit_operations(ANSWER_SECONDS):
            return {UPLOADS: {(): float(await count_open_uploads(self._context.database))}}
