"""What the notifier did, counted as it happens; with metrics off nothing is counted."""

from typing import Literal, Protocol, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram

Became = Literal["delivered", "failed", "given_up", "withheld"]
"""What became of an attempt: `failed` ones are tried again, of `withheld` ones nothing was sent."""
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Counts(Protocol):
    """Takes note of what happens."""

    def attempted(self, became: Became, seconds: float | None = None) -> None:
        """Count an attempt to deliver, and how long the receiver took where it answered."""
        ...

    def buried(self) -> None:
        """Count a dead letter."""
        ...


class NotCounted:
    """Counts nothing."""

    def attempted(self, became: Became, seconds: float | None = None) -> None:
        """Count nothing."""

    def buried(self) -> None:
        """Count nothing."""


class Counted:
    """Counts among the metrics of the process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = Counter(
            "registry_delivery_attempts",
            "Attempts to deliver an event to a webhook, by what became of them",
            ["outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "registry_delivery_duration_seconds",
            "How long receivers of webhooks took to answer; of attempts that had an answer",
            buckets=BUCKETS,
            registry=registry,
        )
        self._buried = Counter(
            "registry_dead_letters",
            "What could not be handled, and was put into the dead-letter topic",
            registry=registry,
        )
        # There from the beginning: of a figure that appears with its first event no rate is known.
        for outcome in get_args(Became):
            self._attempts.labels(outcome)

    def attempted(self, became: Became, seconds: float | None = None) -> None:
        """Count an attempt to deliver, and how long the receiver took where it answered."""
        self._attempts.labels(became).inc()
        if seconds is not None:
            self._seconds.observe(seconds)

    def buried(self) -> None:
        """Count a dead letter."""
        self._buried.inc()
