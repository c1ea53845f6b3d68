"""What is kept as plain numbers reads as the library's own counter and histogram do."""

import random

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from shared.web.request_times import BUCKETS, RequestTimes

LABELS = ("method", "route", "status")
KINDS = [
    (method, route, status)
    for method in ("GET", "POST")
    for route in ("/v1/models", 'of "quotes"')
    for status in ("200", "none")
]


def any_seconds(rng: random.Random) -> float:
    """A time that falls between two bounds, on one, or beyond the last."""
    return rng.choice([rng.choice(BUCKETS), rng.expovariate(1.0), rng.uniform(0.0, 60.0), 0.0])


def told(registry: CollectorRegistry) -> list[str]:
    lines = generate_latest(registry).decode().splitlines()
    return sorted(line for line in lines if "_created" not in line)


def test_it_tells_what_the_librarys_own_would() -> None:
    rng = random.Random(13)  # noqa: S311 - no secret
    ours, theirs = CollectorRegistry(auto_describe=True), CollectorRegistry(auto_describe=True)
    times = RequestTimes(ours)
    counter = Counter(
        "registry_http_requests",
        "Requests, by method, route and status",
        LABELS,
        registry=theirs,
    )
    histogram = Histogram(
        "registry_http_request_duration_seconds",
        "Time until the answer begins, by method, route and status",
        LABELS,
        buckets=BUCKETS,
        registry=theirs,
    )
    assert told(ours) == told(theirs)
    for _ in range(5_000):
        kind, seconds = rng.choice(KINDS), any_seconds(rng)
        times.add(kind, seconds)
        counter.labels(*kind).inc()
        histogram.labels(*kind).observe(seconds)
    assert told(ours) == told(theirs)
