"""What became of versions: counted by every service that settles some."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

from shared.domain.records import VersionRecord
from shared.domain.transitions import EVENT_OF_STATE
from shared.runtime.telemetry.labels import FewValues


class SettledVersions:
    """Counts versions by the state that the process brought them to, and why they are rejected."""

    def __init__(self, registry: CollectorRegistry, reasons: Iterable[str]) -> None:
        known = frozenset(reasons)
        self._reasons = FewValues(known)
        self._settled = Counter(
            "registry_versions_settled",
            "Versions by the state that the service brought them to",
            ["state"],
            registry=registry,
        )
        self._rejected = Counter(
            "registry_versions_rejected",
            "Reasons of versions that the service rejected",
            ["reason"],
            registry=registry,
        )
        # There from the beginning: of a figure that appears with its first event no rate is known.
        for state in EVENT_OF_STATE:
            self._settled.labels(state)
        for reason in sorted(known):
            self._rejected.labels(reason)

    def version_settled(self, record: VersionRecord) -> None:
        """Count a version whose state is another one, and why it was rejected."""
        if record.state in EVENT_OF_STATE:
            self._settled.labels(record.state).inc()
        if record.state == "rejected":
            for code in {reason.code for reason in record.reasons}:
                self._rejected.labels(self._reasons.told(code)).inc()
