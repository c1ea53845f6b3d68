"""Query's figures: how far search is behind, who reads streams, and how the service stands."""

from collections.abc import Awaitable, Callable, Iterable

from services.query.search.projection.projection import Projection
from services.query.stream.streams import Streams
from shared.runtime.progress import troubles
from shared.runtime.telemetry.metrics import Metrics
from shared.runtime.telemetry.samples import Figure, Question, Readings
from shared.web.standing import standing

LOADED = Figure("registry_search_loaded", "Whether search has read all records once")
BEHIND = Figure(
    "registry_search_models_behind", "Models that are known to have changed and are not read yet"
)
AGE = Figure(
    "registry_search_age_seconds", "How long the oldest known change waits to be found by search"
)
MENDED = Figure(
    "registry_search_mended_rows", "Rows that checks of search have mended since the start"
)
STREAMS = Figure("registry_streams_open", "Streams of model events that are being read")
PART_UP = Figure(
    "registry_query_part_up",
    "Whether a part that readiness does not ask for goes on: search, and streams",
    ("part",),
)


class Figures:
    """What query tells. It is answered once the service has started."""

    def __init__(self, metrics: Metrics) -> None:
        self._missing: Callable[[], Awaitable[Iterable[str]]] | None = None
        self._search: Projection | None = None
        self._streams: Streams | None = None
        metrics.samples.add(standing(self._named))
        figures = (LOADED, BEHIND, AGE, MENDED, STREAMS, PART_UP)
        metrics.samples.add(Question("search and streams", figures, self._parts))

    def watch(
        self,
        missing: Callable[[], Awaitable[Iterable[str]]],
        search: Projection,
        streams: Streams,
    ) -> None:
        """Tell from now on of these; `missing` returns what readiness names."""
        self._missing, self._search, self._streams = missing, search, streams

    async def _named(self) -> Iterable[str]:
        return ["start"] if self._missing is None else await self._missing()

    async def _parts(self) -> Readings:
        if self._search is None or self._streams is None:
            return {}
        search, health = self._search, self._streams.health()
        search_up = search.figures.is_loaded and not troubles(search.marks)
        return {
            LOADED: {(): float(search.figures.is_loaded)},
            BEHIND: {(): float(search.hints.models)},
            AGE: {(): search.lag_seconds()},
            MENDED: {(): float(search.figures.mended)},
            STREAMS: {(): float(health["streams"])},
            PART_UP: {("search",): float(search_up), ("streams",): float(not health["waits_for"])},
        }
