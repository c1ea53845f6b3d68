"""What an upload session is: its version decides, then what was recorded, then the time."""

from datetime import timedelta
from typing import Any

import pytest

from registry.schemas import Reason
from shared.domain.records import SessionRecord, VersionRecord, utc_now
from shared.domain.sessions import close_session_if_settled, is_joining, refusal, session_state
from tests.support.records import artifact, version

NOW = utc_now()
LARGE = artifact(kind="multipart", multipart_id="id")


def upload(session: str, state: str = "pending", *, hours: int = 1, **fields: Any) -> VersionRecord:
    """A version of one large file, and its session."""
    until = NOW + timedelta(hours=hours)
    recorded = SessionRecord.model_validate(
        {"state": session, "expires_at": until, "request_digest": "d"}
    )
    return version(LARGE, state=state, session=recorded, **fields)


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (upload("open"), "open"),
        (upload("open", "verifying"), "open"),
        (upload("open", hours=-1), "expired"),
        (upload("completed", hours=-1), "completed"),
        (upload("aborted", "rejected"), "aborted"),
        (upload("expired", "rejected"), "expired"),
        (upload("open", "rejected"), "rejected"),
        (upload("completed", "rejected"), "completed"),
        (upload("open", "ready", hours=-1), "completed"),
        (upload("open", "missing"), "completed"),
    ],
)
def test_the_state_of_a_session(record: VersionRecord, state: str) -> None:
    assert session_state(record, NOW) == state
    conflict = refusal(record, NOW)
    code = "version_rejected" if state == "rejected" else f"upload_{state}"
    assert (conflict.code if conflict else "upload_open") == code


def test_a_rejection_tells_its_reasons() -> None:
    reason = Reason(code="size_mismatch", detail="it is shorter", path="model.bin")
    conflict = refusal(upload("open", "rejected", reasons=[reason]), NOW)
    assert conflict is not None
    assert conflict.members["reasons"] == [reason.model_dump()]
    assert "it is shorter" in conflict.detail


@pytest.mark.parametrize(
    ("record", "joining"),
    [
        (upload("completed"), True),
        (upload("completed", "verifying"), True),
        (upload("open"), False),
        (upload("completed", "rejected"), False),
        (upload("completed", "ready"), False),
    ],
)
def test_whether_parts_are_to_be_joined(record: VersionRecord, *, joining: bool) -> None:
    assert is_joining(record) == joining


def test_a_verdict_ends_the_session_and_leaves_the_parts_to_be_removed() -> None:
    rejected = close_session_if_settled(upload("open", "rejected"), NOW)
    assert rejected.session is not None
    assert rejected.work is not None
    assert (rejected.session.state, rejected.work.kind) == ("rejected", "clean")
    ready = close_session_if_settled(upload("open", "ready"), NOW)
    assert ready.session is not None
    assert (ready.session.state, ready.work) == ("completed", None)
    pending = upload("open")
    assert close_session_if_settled(pending, NOW) == pending
