"""What is asked for of a version's life."""

from registry.schemas.aliases import Why
from registry.schemas.base import Schema
from registry.schemas.names import ModelName, RequestedVersion


class HoldRequest(Schema):
    """Asks for nothing of a version to be removed."""

    reason: Why = ""


class CopyRequest(Schema):
    """Asks for a version with the same files, without a byte being moved."""

    model: ModelName
    """Where it is copied to; made where it is not there."""
    version: RequestedVersion | None = None
    """A number that is still free, or a label beside the next number; absent: the next number."""
