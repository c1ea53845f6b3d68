"""When a version may be archived, held, deleted, restored and purged."""

from datetime import UTC, datetime, timedelta

import pytest

from registry.schemas import Reason
from shared.domain import deletion
from shared.domain.errors import Conflict
from shared.domain.records import HoldRecord, SessionRecord, VersionRecord, WorkRecord
from tests.support.records import SHA256, artifact, version

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
RETENTION = timedelta(days=7)
HOLD = HoldRecord(at=NOW, by="counsel", reason="case 12")
FILE = artifact(state="verified", sha256=SHA256, sha256_state="verified")
READY = version(FILE, state="ready")


def deleted(of: VersionRecord = READY) -> VersionRecord:
    return deletion.delete(of, by="somebody", reason="why", at=NOW, retention=RETENTION)


@pytest.mark.parametrize("state", ["ready", "missing", "rejected"])
def test_a_settled_version_is_deleted_and_comes_back_as_it_was(state: str) -> None:
    before = version(FILE, state=state)
    after = deleted(before)
    assert after.state == "deleted"
    assert after.work is not None
    assert (after.work.kind, after.work.due_at) == ("purge", NOW + RETENTION)
    assert deletion.restore(after, NOW) == before


@pytest.mark.parametrize("state", ["pending", "verifying"])
def test_one_that_is_under_way_is_not_deleted(state: str) -> None:
    with pytest.raises(Conflict, match="abort its upload"):
        deleted(version(state=state))


def test_what_an_alias_points_at_is_neither_deleted_nor_archived() -> None:
    aliased = READY.model_copy(update={"aliases": ["production"]})
    with pytest.raises(Conflict, match="@production points at it"):
        deleted(aliased)
    with pytest.raises(Conflict, match="@production points at it"):
        deletion.archive(aliased, NOW)


def test_what_is_held_is_neither_deleted_nor_purged() -> None:
    with pytest.raises(Conflict, match="held by counsel: case 12"):
        deleted(deletion.hold(READY, HOLD))
    held = deletion.hold(deleted(), HOLD)
    assert held.work is None
    assert deletion.begin_purge(held, NOW + 2 * RETENTION) is None
    assert deletion.release(held) == deleted()


def test_a_purge_begins_when_it_is_due_and_then_nothing_brings_the_version_back() -> None:
    assert deletion.begin_purge(READY, NOW + RETENTION) is None
    assert deletion.begin_purge(deleted(), NOW + RETENTION - timedelta(seconds=1)) is None
    begun = deletion.begin_purge(deleted(), NOW + RETENTION)
    assert begun is not None
    assert deletion.begin_purge(begun, NOW + RETENTION) is begun
    with pytest.raises(Conflict, match="removed for good"):
        deletion.restore(begun, NOW + RETENTION)
    with pytest.raises(Conflict, match="removed for good"):
        deletion.hold(begun, HOLD)
    ended = deletion.finish_purge(begun, NOW + RETENTION)
    assert ended.deletion is not None
    assert (ended.deletion.purged_at, ended.work) == (NOW + RETENTION, None)


def test_each_step_changes_nothing_the_second_time() -> None:
    archived, held = deletion.archive(READY, NOW), deletion.hold(READY, HOLD)
    assert deletion.archive(archived, NOW + RETENTION) is archived
    assert deletion.hold(held, HOLD.model_copy(update={"by": "another"})) is held
    assert deletion.unarchive(READY) is READY
    assert deletion.release(READY) is READY
    assert deletion.restore(READY, NOW) is READY
    again = deleted()
    assert deletion.delete(again, by="x", reason="", at=NOW, retention=RETENTION) is again


def test_only_what_was_verified_is_archived() -> None:
    with pytest.raises(Conflict, match="pending, not ready"):
        deletion.archive(version(), NOW)


@pytest.mark.parametrize("state", ["pending", "verifying"])
def test_what_its_uploader_may_still_give_up_is_not_held(state: str) -> None:
    with pytest.raises(Conflict, match="nothing to hold"):
        deletion.hold(version(state=state), HOLD)


@pytest.mark.parametrize("state", ["aborted", "expired"])
def test_what_was_given_up_is_not_held(state: str) -> None:
    session = SessionRecord.model_validate(
        {"state": state, "expires_at": NOW, "request_digest": "d"}
    )
    with pytest.raises(Conflict, match="nothing is kept"):
        deletion.hold(version(FILE, state="rejected", session=session), HOLD)


def test_a_purge_that_was_given_up_leaves_no_failure_where_it_is_not_wanted_or_done() -> None:
    failed = deleted().model_copy(
        update={"work": None, "failure": Reason(code="purge_failed", detail="storage is away")}
    )
    assert deletion.restore(failed, NOW) == READY
    assert deletion.release(deletion.hold(failed, HOLD)) == deleted()
    begun = deletion.begin_purge(failed, NOW + RETENTION)
    assert begun is not None
    assert deletion.finish_purge(begun, NOW + RETENTION).failure is None


def test_a_purge_that_came_too_early_waits_until_it_is_due() -> None:
    taken = deleted().model_copy(update={"work": None})
    assert deletion.postponed(taken) == deleted()
    assert deletion.postponed(deletion.hold(deleted(), HOLD)).work is None


def test_what_was_left_of_a_rejected_upload_is_removed_after_it_is_restored() -> None:
    session = SessionRecord.model_validate(
        {"state": "aborted", "expires_at": NOW, "request_digest": "d"}
    )
    left = WorkRecord(kind="clean", due_at=NOW)
    rejected = version(FILE, state="rejected", session=session, work=left)
    assert deletion.restore(deleted(rejected), NOW) == rejected


def test_a_version_whose_files_are_not_known_to_be_verified_is_not_restored_as_ready() -> None:
    unknown = deleted().model_copy(update={"artifacts": [artifact()]})
    assert deletion.restore(unknown, NOW).state == "pending"
