"""What an upload session is at a moment: decided by its version first, without any I/O."""

from datetime import datetime

from registry.schemas.uploads import SessionState
from shared.domain.errors import Conflict
from shared.domain.records import SessionRecord, VersionRecord, WorkRecord

GIVEN_UP = frozenset(("aborted", "expired"))
"""Sessions that ended without a version: nothing of their bytes is kept."""
OPEN_VERSION = ("pending", "verifying")
"""States of a version that is not settled yet: its session may still be open."""
_MAX_REASONS = 20


def session_state(record: VersionRecord, now: datetime) -> SessionState:
    """Return the state of a version's session; `now` is the database's time.

    A version that is settled has ended its session, whatever the session itself says, and so has
    the time after `expires_at`. Raises ValueError where the version has no session.
    """
    session = _ended(record)
    if session is None:
        raise ValueError("the version has no upload session")
    if session.state == "open" and session.expires_at <= now:
        return "expired"
    return session.state


def is_joining(record: VersionRecord) -> bool:
    """Whether the upload is completed and the parts of some file may not be joined yet."""
    return (
        record.session is not None
        and record.session.state == "completed"
        and record.state in OPEN_VERSION
        and _has_unjoined(record)
    )


def awaits_settling(record: VersionRecord) -> bool:
    """Whether a version is open still though all of its bytes are stored, and verified."""
    verified = all(each.state == "verified" for each in record.artifacts)
    return record.state in OPEN_VERSION and verified


def is_commit(record: VersionRecord) -> bool:
    """Whether a commit of Hugging Face's client made the version."""
    return record.session is not None and record.session.commit is not None


def close_session_if_settled(record: VersionRecord, now: datetime) -> VersionRecord:
    """Return a version whose open session has ended where the version is settled.

    Parts that a rejected version leaves in storage become work to do.
    """
    session = _ended(record)
    if session is None:
        return record
    change: dict[str, object] = {"session": session}
    if record.state == "rejected" and _has_unjoined(record):
        change["work"] = WorkRecord(kind="clean", due_at=now)
    return record.model_copy(update=change)


def refusal(record: VersionRecord, now: datetime) -> Conflict | None:
    """Return why the session takes neither bytes nor an end any more; None while it is open."""
    state = session_state(record, now)
    if state == "open":
        return None
    if state == "rejected":
        reasons = [each.model_dump(exclude_none=True) for each in record.reasons[:_MAX_REASONS]]
        detail = "; ".join(each.detail for each in record.reasons[:_MAX_REASONS])
        return Conflict(
            "version_rejected", f"version {record.number} is rejected: {detail}", reasons=reasons
        )
    if state == "expired" and record.session is not None:
        at = record.session.expires_at
        return Conflict("upload_expired", f"the upload expired at {at}")
    return Conflict(f"upload_{state}", f"the upload is {state}")


def _ended(record: VersionRecord) -> SessionRecord | None:
    """Return the session as the version's state leaves it: an open one ends with the verdict."""
    session = record.session
    if session is None or session.state != "open" or record.state in OPEN_VERSION:
        return session
    state = "rejected" if record.state == "rejected" else "completed"
    return session.model_copy(update={"state": state})


def _has_unjoined(record: VersionRecord) -> bool:
    return any(each.kind == "multipart" and each.state != "verified" for each in record.artifacts)
