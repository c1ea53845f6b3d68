"""What ingest did, counted as it happens; with metrics off nothing is counted."""

from typing import Protocol

from shared.domain.records import VersionRecord

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
