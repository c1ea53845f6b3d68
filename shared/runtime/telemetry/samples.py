"""Figures that others hold, such as the depth of a queue: asked for when somebody scrapes.

However often that is, a question is asked once in some seconds. One that fails, or takes too long,
leaves its own figures out, since old ones would look like news; the others stay, and a figure
tells which question failed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shared.runtime.logs import get_logger

REST_SECONDS = 2.0
"""A question is not asked again within this time, however it went."""
ANSWER_SECONDS = 3.0
"""Limit for a question: less than Prometheus waits for a scrape, and more than a service waits for
a server that it asks whether it is there."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that a question answers with."""

    name: str
    explanation: str
    labels: tuple[str, ...] = ()


Readings = Mapping[Figure, Mapping[tuple[str, ...], float]]
"""Values by the values of their labels; without labels by the empty tuple."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the figures that its answer may have."""

    name: str
    figures: Sequence[Figure]
    ask: Callable[[], Awaitable[Readings]]


class Samples(Collector):
    """The questions of a process, and the last answer to each."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self._answer_seconds, self._rest_seconds = answer_seconds, rest_seconds
        self._questions: list[Question] = []
        self._told: dict[str, Readings] = {}
        self._failing: set[str] = set()
        self._asked_at: float | None = None
        self._lock = asyncio.Lock()
        self._up = Gauge(
            "registry_collector_up",
            "Whether a question for figures was answered, by its name",
            ["collector"],
            registry=registry,
        )
        registry.register(self)

    def add(self, question: Question) -> None:
        """Ask this too from now on."""
        self._questions.append(question)

    async def refresh(self) -> None:
        """Ask all questions side by side, unless that was done a moment ago."""
        async with self._lock:
            if self._asked_at is not None and monotonic() - self._asked_at < self._rest_seconds:
                return
            await asyncio.gather(*map(self._ask, self._questions))
            self._asked_at = monotonic()

    async def _ask(self, question: Question) -> None:
        try:
            async with asyncio.timeout(self._answer_seconds):
                told = await question.ask()
        except Exception as error:
            # Whatever it is: the other figures must be told, and this is when they are needed.
            if question.name not in self._failing:  # once, and not at every scrape
                log.warning("figures cannot be told", collector=question.name, reason=repr(error))
            self._failing.add(question.name)
            self._told.pop(question.name, None)
            self._up.labels(question.name).set(0)
        else:
            self._failing.discard(question.name)
            self._told[question.name] = told
            self._up.labels(question.name).set(1)

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Name the figures, whatever was answered."""
        return [_family(each) for question in self._questions for each in question.figures]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield what was answered last."""
        for question in self._questions:
            told = self._told.get(question.name, {})
            for figure in question.figures:
                family = _family(figure)
                for labels, value in told.get(figure, {}).items():
                    family.add_metric(labels, value)
                yield family


def _family(figure: Figure) -> GaugeMetricFamily:
    return GaugeMetricFamily(figure.name, figure.explanation, labels=figure.labels)
