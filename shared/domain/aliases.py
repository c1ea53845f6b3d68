"""Aliases as MongoDB keeps them, and what a move of one comes to: pure decisions."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from registry.schemas import Alias
from shared.domain.errors import Conflict, NotFound, PreconditionFailed
from shared.domain.records import Record, VersionRecord

MAX_ALIASES = 1000
"""Aliases of one model that point somewhere; a version's document has room for all of them."""
MOMENT = timedelta(milliseconds=1)
"""The shortest time between two moves of an alias: MongoDB keeps milliseconds."""


class MoveRecord(Record):
    """One move of an alias; the newest one tells where it points."""

    model: str
    alias: str
    revision: int
    at: datetime
    by: str
    from_number: int | None
    to_number: int | None
    """None: it was removed."""
    version_id: str
    """The version that it points at; of a removal the one that it pointed at."""
    label: str | None = None
    reason: str = ""
    sequence: int
    """Sequence number of the event that tells of it."""
    key: str | None = None
    """Digest of who asked for it and by which idempotency key."""
    request: str | None = None
    """Digest of what was asked for by that key."""
    proposed_by: str | None = None
    """Who proposed it, where it was proposed; then `by` is who approved it."""
    proposal: str | None = None
    """Id of the proposal."""


@dataclass(frozen=True, slots=True)
class Mover:
    """Who moves an alias, and what is remembered of that."""

    by: str
    reason: str
    key: str | None = None
    request: str | None = None
    proposed_by: str | None = None
    proposal: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold for a change to be made: nothing, a revision, that it is there, or is not."""

    revision: int | None = None
    is_absent: bool = False
    is_there: bool = False

    def holds(self, revision: int | None) -> bool:
        """Whether it is met by what is at this revision; None: it is not there."""
        if self.is_absent:
            return revision is None
        if self.is_there:
            return revision is not None
        return self.revision is None or self.revision == revision

    def require(self, now: MoveRecord | None, alias: str) -> None:
        """Raise PreconditionFailed where the alias is not as whoever moves it believes."""
        if self.holds(now.revision if now is not None and now.to_number is not None else None):
            return
        told = f"alias {alias!r} {_where(now)}"
        if self.is_absent:
            raise PreconditionFailed("alias_exists", told)
        besides = "" if self.is_there else f", and not at revision {self.revision}"
        raise PreconditionFailed("alias_moved", f"{told}{besides}")


UNCONDITIONAL = Condition()


def require_ready(version: VersionRecord) -> None:
    """Raise Conflict where an alias must not point at the version."""
    if version.state != "ready":
        detail = (
            f"version {version.number} of model {version.model!r} is {version.state}, not ready"
        )
        raise Conflict("version_not_ready", detail)
    if version.archived_at is not None:
        detail = f"version {version.number} of model {version.model!r} is archived"
        raise Conflict("version_archived", detail)


def require_room(model: str, count: int) -> None:
    """Raise Conflict where a model that has so many aliases can have no further one."""
    if count >= MAX_ALIASES:
        detail = f"model {model!r} has {count} aliases, and can have no more"
        raise Conflict("too_many_aliases", detail)


def require_pointing(now: MoveRecord | None, model: str, alias: str) -> MoveRecord:
    """Return the last move of an alias that points somewhere; raises NotFound."""
    if now is None or now.to_number is None:
        raise alias_not_found(model, alias)
    return now


def alias_of(move: MoveRecord) -> Alias:
    """Return what users are told of an alias by its last move, which points somewhere."""
    return Alias.model_validate({**move.model_dump(), "number": move.to_number})


def alias_not_found(model: str, alias: str) -> NotFound:
    """Return the error of an alias that is not there."""
    return NotFound("alias_not_found", f"model {model!r} has no alias {alias!r}")


def next_move(
    before: MoveRecord | None,
    alias: str,
    version: VersionRecord,
    mover: Mover,
    *,
    is_removal: bool,
    at: datetime,
    sequence: int,
) -> MoveRecord:
    """Return the move that follows; its time is later than that of the one before."""
    if before is not None:
        at = max(at, before.at + MOMENT)  # another process may have a clock that is ahead
    return MoveRecord(
        model=version.model,
        alias=alias,
        revision=before.revision + 1 if before is not None else 1,
        at=at,
        by=mover.by,
        from_number=before.to_number if before is not None else None,
        to_number=None if is_removal else version.number,
        version_id=version.id,
        label=version.label,
        reason=mover.reason,
        sequence=sequence,
        key=mover.key,
        request=mover.request,
        proposed_by=mover.proposed_by,
        proposal=mover.proposal,
    )


def _where(now: MoveRecord | None) -> str:
    if now is None:
        return "is not there"
    if now.to_number is None:
        return f"was removed, by revision {now.revision}"
    return f"is at revision {now.revision}, version {now.to_number}"
