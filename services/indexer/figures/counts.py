"""What the indexer did, counted as it happens; with metrics off nothing is counted."""

from collections.abc import Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram

from services.indexer.reconcile.report import REPAIRS
from shared.domain.records import VersionRecord
from shared.domain.version_rules import RULE_REASONS
from shared.formats.codes import CODES
from shared.runtime.telemetry.settled import SettledVersions

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)

REASONS = (
    *("size_mismatch", "digest_mismatch", "parts_lost", "upload_expired"),
    *(*RULE_REASONS, *sorted(CODES)),
)
"""For what the indexer rejects versions."""


class Counts(Protocol):
    """Takes note of what happens on the line."""

    def version_settled(self, record: VersionRecord) -> None:
        """Count a version whose state is another one."""
        ...

    def version_ready(self, seconds: float) -> None:
        """Count how long after its last object was stored a version was ready."""
        ...

    def repaired(self, repairs: Mapping[str, int]) -> None:
        """Count what a comparison mended, by kind."""
        ...

    def event_published(self) -> None:
        """Count a model event that left."""
        ...

    def buried(self) -> None:
        """Count a dead letter."""
        ...


class NotCounted:
    """Counts nothing."""

    def version_settled(self, record: VersionRecord) -> None:
        """Count nothing."""

    def version_ready(self, seconds: float) -> None:
        """Count nothing."""

    def repaired(self, repairs: Mapping[str, int]) -> None:
        """Count nothing."""

    def event_published(self) -> None:
        """Count nothing."""

    def buried(self) -> None:
        """Count nothing."""


class Counted:
    """Counts among the metrics of the process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ready = Histogram(
            "registry_put_to_ready_seconds",
            "From the time at which storage says that it wrote the last object of a version to the"
            " version being ready; of versions that need no worker",
            buckets=BUCKETS,
            registry=registry,
        )
        self._settled = SettledVersions(registry, REASONS)
        self._repairs = Counter(
            "registry_repairs",
            "What comparisons of buckets and records mended, by kind",
            ["kind"],
            registry=registry,
        )
        self._published = Counter(
            "registry_events_published", "Model events that were published", registry=registry
        )
        self._buried = Counter(
            "registry_dead_letters",
            "What could not be handled, and was put into the dead-letter topic",
            registry=registry,
        )
        # There from the beginning: of a figure that appears with its first event no rate is known.
        for kind in REPAIRS:
            self._repairs.labels(kind)

    def version_settled(self, record: VersionRecord) -> None:
        """Count a version whose state is another one, and why it was rejected."""
        self._settled.version_settled(record)

    def version_ready(self, seconds: float) -> None:
        """Count how long after its last object was stored a version was ready."""
        self._ready.observe(seconds)

    def repaired(self, repairs: Mapping[str, int]) -> None:
        """Count what a comparison mended, by kind."""
        for kind, count in repairs.items():
            self._repairs.labels(kind).inc(count)

    def event_published(self) -> None:
        """Count a model event that left."""
        self._published.inc()

    def buried(self) -> None:
        """Count a dead letter."""
        self._buried.inc()
