"""How long requests take, kept as plain numbers until somebody scrapes.

The library's own counter and histogram take some 30 calls of Python for a request, which lookups
show; this takes two. All of it is written by the event loop's thread.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds, in seconds; one more bucket has what took longer."""
_BOUNDS = (*map(str, BUCKETS), "+Inf")

Kind = tuple[str, str, str]
"""Method, route and status."""


@dataclass(slots=True)
class _Taken:
    counts: list[int] = field(default_factory=lambda: [0] * len(_BOUNDS))
    """How many requests fall into each bucket alone."""
    seconds: float = 0.0
    """The time of all of them."""


class RequestTimes(Collector):
    """Counts requests of each kind, and sums up their time."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._taken: dict[Kind, _Taken] = {}
        registry.register(self)

    def add(self, kind: Kind, seconds: float) -> None:
        """Count a request."""
        taken = self._taken.get(kind)
        if taken is None:
            taken = self._taken[kind] = _Taken()
        taken.counts[bisect_left(BUCKETS, seconds)] += 1
        taken.seconds += seconds

    def collect(self) -> Iterable[Metric]:
        """Yield what was counted; in a thread, while requests go on."""
        labels = ("method", "route", "status")
        requests = CounterMetricFamily(
            "registry_http_requests", "Requests, by method, route and status", labels=labels
        )
        durations = HistogramMetricFamily(
            "registry_http_request_duration_seconds",
            "Time until the answer begins, by method, route and status",
            labels=labels,
        )
        for kind, taken in list(self._taken.items()):
            counts = list(accumulate(taken.counts))
            requests.add_metric(kind, counts[-1])
            durations.add_metric(kind, list(zip(_BOUNDS, counts, strict=True)), taken.seconds)
        yield requests
        yield durations
