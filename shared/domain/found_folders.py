"""Folders of found objects: each becomes one version, once nothing more comes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from registry.schemas import Reason
from registry.schemas.names import MAX_REQUESTED_NUMBER
from shared.domain.object_keys import ParsedKey, parse_key

OUTSIDE_KEY_RULE = "outside_key_rule"
NUMBER_TOO_HIGH = "number_too_high"
EMPTY_OBJECT = "empty_object"
TOO_MANY_FILES = "too_many_files"
CAME_AFTER_ADOPTION = "came_after_adoption"
FINAL = frozenset((EMPTY_OBJECT, CAME_AFTER_ADOPTION))
"""Codes of strays that no later look would make a version of; others may become one yet."""


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """A folder in which objects of no version were seen."""

    bucket: str
    prefix: str
    """What the keys in it begin with: `<model>/<version>/`."""
    key: str
    """The first object that was seen in it."""
    first_seen_at: datetime
    last_seen_at: datetime
    due_at: datetime | None
    """When a worker may look at it; None: it was given up."""
    attempts: int = 0
    """How often a worker took it."""
    failure: Reason | None = None
    """Why it was given up."""
    sightings: int | None = None
    """How often objects were seen in it; None: it was recorded before this was counted."""

    @property
    def id(self) -> str:
        """Name of its document."""
        return folder_id(self.bucket, self.prefix)

    @property
    def parsed(self) -> ParsedKey:
        """What the key of the first object says."""
        return parse_key(self.key)


@dataclass(frozen=True, slots=True)
class Settling:
    """When a folder counts as complete."""

    quiet: timedelta
    """So long after its last object."""
    longest: timedelta
    """At the latest so long after its first one."""

    def at(self, first_seen_at: datetime, last_seen_at: datetime) -> datetime:
        """Return when a folder is complete, by when objects were seen in it."""
        return min(last_seen_at + self.quiet, first_seen_at + self.longest)


def folder_id(bucket: str, prefix: str) -> str:
    """Return the name of a folder's document; a bucket's name has no slash."""
    return f"{bucket}/{prefix}"


def refused_key(key: str) -> Reason | None:
    """Return why a found object of this key can be of no version; None where it can."""
    try:
        parsed = parse_key(key)
    except ValueError as error:
        return Reason(code=OUTSIDE_KEY_RULE, detail=str(error))
    if isinstance(parsed.version, int) and parsed.version > MAX_REQUESTED_NUMBER:
        detail = (
            f"a key's version may be up to {MAX_REQUESTED_NUMBER}: "
            "the numbers that follow it need room"
        )
        return Reason(code=NUMBER_TOO_HIGH, detail=detail)
    return None
