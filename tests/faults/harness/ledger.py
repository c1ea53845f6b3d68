"""What uploaders did, as they know it: the yardstick of every check."""

from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["ready", "rejected", "any"]
"""How a confirmed upload must end; "any": something else decides, such as its abort."""


@dataclass(slots=True)
class Upload:
    """One upload: what was meant, and how far it came."""

    key: str
    """Its idempotency key."""
    model: str
    digests: dict[str, str]
    """SHA-256 in hex of each file, by path."""
    sizes: dict[str, int]
    outcome: Outcome = "ready"
    opened: bool = False
    """Ingest answered with a session."""
    confirmed: bool = False
    """Storage has confirmed every byte, and ingest the completion where parts were sent."""
    refused: str = ""
    """Code of the answer that refused it."""
    number: int = 0


@dataclass(slots=True)
class Ledger:
    """Every upload that was tried, and every object that was written without one."""

    uploads: dict[str, Upload] = field(default_factory=dict[str, Upload])
    """By idempotency key."""
    objects: dict[str, str] = field(default_factory=dict[str, str])
    """SHA-256 in hex of objects that a plain S3 client wrote and storage confirmed, by key."""

    @property
    def confirmed(self) -> list[Upload]:
        """The uploads of which nothing may be lost."""
        return [upload for upload in self.uploads.values() if upload.confirmed]
