"""What ingest did, counted as it happens; with metrics off nothing is counted."""

from typing import Protocol

from prometheus_client import CollectorRegistry

from shared.domain.records import VersionRecord
from shared.runtime.telemetry.settled import SettledVersions

REASONS = ("parts_lost", "upload_aborted", "upload_expired")
"""For what ingest rejects versions."""


class Counts(Protocol):
    """Takes note of what happens to versions."""

    def version_settled(self, record: VersionRecord) -> None:
        """Count a version whose state is another one."""
        ...


class NotCounted:
    """Counts nothing."""

    def version_settled(self, record: VersionRecord) -> None:
        """Count nothing."""


class Counted:
    """Counts among the metrics of the process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._settled = SettledVersions(registry, REASONS)

    def version_settled(self, record: VersionRecord) -> None:
        """Count a version whose state is another one, and why it was rejected."""
        self._settled.add(record)
