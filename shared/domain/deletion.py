"""Archiving, holding, deleting and purging a version: pure decisions, without any I/O.

Each function returns the version as it is afterwards, or the same object where nothing changes, so
that a request which is sent again does no harm.
"""

from datetime import datetime, timedelta

from registry.schemas import VersionState
from shared.domain.errors import Conflict
from shared.domain.records import DeletionRecord, HoldRecord, VersionRecord, WorkRecord
from shared.domain.sessions import GIVEN_UP, OPEN_VERSION
from shared.domain.transitions import derive_state


def archive(version: VersionRecord, at: datetime) -> VersionRecord:
    """Put a version away: it stays as it is, and is neither "latest" nor an alias's any more.

    Raises Conflict "version_not_ready" and "version_aliased".
    """
    if version.archived_at is not None:
        return version
    if version.state not in ("ready", "missing"):
        raise Conflict("version_not_ready", f"{_name(version)} is {version.state}, not ready")
    _require_no_alias(version, "archived")
    return version.model_copy(update={"archived_at": at})


def unarchive(version: VersionRecord) -> VersionRecord:
    """Take a version out of the archive."""
    return version.model_copy(update={"archived_at": None}) if version.archived_at else version


def hold(version: VersionRecord, hold: HoldRecord) -> VersionRecord:
    """Have nothing of a version removed until the hold is released; a first hold stays.

    Raises Conflict "version_under_way" where its upload may still end without it,
    "upload_aborted" and "upload_expired" where that has happened, and "version_purged" where its
    objects are being removed.
    """
    if version.hold is not None:
        return version
    if version.state in OPEN_VERSION:
        raise Conflict("version_under_way", f"{_name(version)} is {version.state}: nothing to hold")
    if version.session is not None and version.session.state in GIVEN_UP:
        ended = version.session.state
        detail = f"the upload of {_name(version)} is {ended}: nothing is kept of it"
        raise Conflict(f"upload_{ended}", detail)
    if is_purged(version):
        raise _purged(version)
    change: dict[str, object] = {"hold": hold}
    if version.state == "deleted":
        change["work"] = None
    return version.model_copy(update=change)


def release(version: VersionRecord) -> VersionRecord:
    """End the hold; a deleted version is purged when it is due, or at once where that is over."""
    if version.hold is None:
        return version
    change: dict[str, object] = {"hold": None}
    if version.deletion is not None:
        change |= {"work": _purge_when_due(version.deletion), "failure": None}
    return version.model_copy(update=change)


def delete(
    version: VersionRecord, *, by: str, reason: str, at: datetime, retention: timedelta
) -> VersionRecord:
    """Delete a version: nobody can download it, and it can be restored for as long as `retention`.

    Raises Conflict "version_under_way" while it is being uploaded or verified, "version_aliased"
    and "version_held".
    """
    if version.state == "deleted":
        return version
    if version.state in OPEN_VERSION:
        detail = f"{_name(version)} is {version.state}: abort its upload instead"
        raise Conflict("version_under_way", detail)
    _require_no_alias(version, "deleted")
    if version.hold is not None:
        detail = f"{_name(version)} is held by {version.hold.by}: {version.hold.reason}"
        raise Conflict("version_held", detail.removesuffix(": "))
    due_at = at + retention
    deletion = DeletionRecord(
        at=at, by=by, reason=reason, state_before=version.state, purge_due_at=due_at
    )
    return version.model_copy(
        update={
            "state": "deleted",
            "deletion": deletion,
            "work": WorkRecord(kind="purge", due_at=due_at),
            "failure": None,
        }
    )


def restore(version: VersionRecord, now: datetime) -> VersionRecord:
    """Make a deleted version what it was; raises Conflict "version_purged" once that is over."""
    if version.deletion is None:
        return version
    if is_purged(version):
        raise _purged(version)
    before = version.deletion.state_before
    change: dict[str, object] = {"state": before, "work": None}
    if before == "ready":
        # After a replay of events that were too large to name files, they are to be verified again.
        derived = derive_state(version.artifacts, [], None, now)
        change = {"state": derived["state"], "work": derived["work"]}
    elif before == "rejected" and version.session is not None:
        change["work"] = WorkRecord(kind="clean", due_at=now)  # it may have been left by then
    return version.model_copy(update={**change, "deletion": None, "failure": None})


def begin_purge(version: VersionRecord, now: datetime) -> VersionRecord | None:
    """Return a deleted version that can not be restored any more; None where it may not be purged.

    One whose purge began before is returned as it is: it goes on.
    """
    deletion = version.deletion
    if deletion is None or version.hold is not None or deletion.purge_due_at > now:
        return None
    if deletion.purge_began_at is not None:
        return version
    begun = deletion.model_copy(update={"purge_began_at": now})
    return version.model_copy(update={"deletion": begun})


def postponed(version: VersionRecord) -> VersionRecord:
    """Return a version whose purge was taken and may not begin: it is left for when it is due."""
    deletion = version.deletion if version.hold is None else None
    work = _purge_when_due(deletion) if deletion is not None else None
    return version.model_copy(update={"work": work})


def finish_purge(version: VersionRecord, now: datetime) -> VersionRecord:
    """Return the version once nothing of it is in storage; its number is never given again."""
    if version.deletion is None:
        return version
    ended = version.deletion.model_copy(update={"purged_at": version.deletion.purged_at or now})
    return version.model_copy(update={"deletion": ended, "work": None, "failure": None})


def state_without_deletion(version: VersionRecord) -> VersionState:
    """Return what a version is, or would be if it were not deleted."""
    return version.state if version.deletion is None else version.deletion.state_before


def is_purged(version: VersionRecord) -> bool:
    """Whether the objects of a version are being removed, or are gone."""
    return version.deletion is not None and version.deletion.purge_began_at is not None


def _purge_when_due(deletion: DeletionRecord) -> WorkRecord:
    return WorkRecord(kind="purge", due_at=deletion.purge_due_at)


def _require_no_alias(version: VersionRecord, what: str) -> None:
    if version.aliases:
        named = ", ".join(f"@{alias}" for alias in version.aliases[:10])
        detail = f"{_name(version)} can not be {what}: {named} points at it"
        raise Conflict("version_aliased", detail, aliases=version.aliases)


def _purged(version: VersionRecord) -> Conflict:
    return Conflict("version_purged", f"the files of {_name(version)} are removed for good")


def _name(version: VersionRecord) -> str:
    return f"version {version.number} of model {version.model!r}"
