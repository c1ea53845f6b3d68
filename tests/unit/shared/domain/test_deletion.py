"""When a version may be archived, held, deleted, restored and purged."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import deletion
from shared.domain.errors import Conflict
from shared.domain.records import HoldRecord, VersionRecord
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
