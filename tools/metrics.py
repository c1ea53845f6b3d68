"""The list of all metrics, as the services themselves name them: nobody keeps it by hand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from starlette.applications import Starlette

from services.indexer.figures.figures import Figures as OfIndexer
from services.indexer.health import Health as IndexerHealth
from services.ingest.figures import Figures as OfIngest
from services.notifier.figures.figures import Figures as OfNotifier
from services.notifier.health import Health as NotifierHealth
from services.query.figures import Figures as OfQuery
from shared.database.pool_use import PoolUse
from shared.kafka.connection import KafkaProbe
from shared.runtime.settings import Settings
from shared.runtime.telemetry.metrics import Metrics, metrics_of
from shared.web.metrics import Measured, route_template
from tools.api_documents import settings_of_documents


@dataclass(frozen=True, slots=True)
class Metric:
    """What one metric is."""

    name: str
    """As the text format heads it: a counter's ends with `_total`."""
    kind: str
    labels: Sequence[str]
    explanation: str
    services: Sequence[str] = ()
    """Who tells it."""

    @property
    def series(self) -> Sequence[str]:
        """The names under which it is stored and asked for."""
        if self.kind == "histogram":
            return [f"{self.name}_{end}" for end in ("bucket", "sum", "count")]
        return [self.name]


def all_metrics() -> list[Metric]:
    """Return every metric once, by name; nothing is started, and no server asked."""
    found: dict[str, Metric] = {}
    settings = settings_of_documents()
    for service, register in _services(settings).items():
        metrics = metrics_of(settings)
        assert metrics is not None, "they are on by default"  # noqa: S101
        register(metrics)
        PoolUse(metrics.registry)
        Measured(Starlette(), metrics, route_template)
        for each in _told_by(metrics):
            known = found.setdefault(each.name, each)
            found[each.name] = replace(known, services=[*known.services, service])
    return [found[name] for name in sorted(found)]


def _services(settings: Settings) -> Mapping[str, Callable[[Metrics], object]]:
    probe = KafkaProbe(settings)
    return {
        "ingest": OfIngest,
        "indexer": lambda metrics: OfIndexer(metrics, IndexerHealth(settings, probe)),
        "notifier": lambda metrics: OfNotifier(metrics, NotifierHealth(probe)),
        "query": OfQuery,
    }


def _told_by(metrics: Metrics) -> Iterator[Metric]:
    # Neither a registry tells its collectors, nor they and their families their labels.
    for collector in metrics.registry._collector_to_names:  # pyright: ignore[reportPrivateUsage]
        own: Sequence[str] = getattr(collector, "_labelnames", ())
        for family in collector.collect():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            told: Sequence[str] = own or getattr(family, "_labelnames", ())
            yield Metric(name, family.type, told, family.documentation)
