"""What is asked for of a version's life."""

from pydantic import Field

from registry.schemas.aliases import Why
from registry.schemas.base import Schema
from registry.schemas.names import ModelName, RequestedVersion
from registry.schemas.versions import Version


class HoldRequest(Schema):
    """Asks for nothing of a version to be removed."""

    reason: Why = ""


class DeletedVersion(Version):
    """A version that was deleted, and what was made from it."""

    children: list[str] = Field(default_factory=list[str])
    """Versions that name it as a parent, as model@number: those that the caller may read."""
    more_children: bool = False
    """Whether there are others."""


class CopyRequest(Schema):
    """Asks for a version with the same files, without a byte being moved."""

    model: ModelName
    """Where it is copied to; made where it is not there."""
    version: RequestedVersion | None = None
    """A number that is still free, or a label beside the next number; absent: the next number."""
