"""Which open multipart uploads nobody will complete."""

from datetime import timedelta
from typing import Any

import pytest

from services.indexer.reconcile.open_uploads import is_abandoned
from shared.domain.records import SessionRecord, VersionRecord, utc_now
from shared.storage.multipart import OpenUpload
from tests.support.records import artifact, version

FOUND = OpenUpload("churn/1/model.bin", "ours", utc_now())


def owner(session: str | None, state: str = "pending", recorded: str | None = "ours") -> Any:
    """The version that has the key of the upload."""
    large = artifact(kind="multipart", multipart_id=recorded)
    return version(
        large,
        state=state,
        session=session
        and SessionRecord.model_validate(
            {
                "state": session,
                "expires_at": utc_now() + timedelta(hours=1),
                "request_digest": "d",
            }
        ),
    )


@pytest.mark.parametrize(
    ("owned_by", "young", "old"),
    [
        (None, False, True),
        (owner(None, "ready"), False, True),
        (owner("open"), False, False),
        (owner("open", recorded=None), False, True),
        (owner("open", recorded="another"), False, True),
        (owner("completed"), False, False),
        (owner("completed", recorded="another"), True, True),
        (owner("completed", "ready"), True, True),
        (owner("aborted", "rejected"), True, True),
        (owner("expired", "rejected"), True, True),
        (owner("rejected", "rejected"), True, True),
        (owner("open", "rejected"), True, True),
    ],
    ids=[
        "a plain client's",
        "a plain client's, under the key of an object",
        "the open session's own",
        "not recorded yet",
        "lost the race to be recorded",
        "to be joined",
        "beside the one to be joined",
        "beside one that was joined",
        "of an aborted session",
        "of an expired session",
        "of a rejected version",
        "of a version rejected by an earlier release",
    ],
)
def test_an_upload_is_abandoned(owned_by: VersionRecord | None, *, young: bool, old: bool) -> None:
    assert is_abandoned(FOUND, owned_by, is_old=False) == young
    assert is_abandoned(FOUND, owned_by, is_old=True) == old
