"""What an event makes of a version's record: never ready without findings."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry.schemas import CompositeDigest, EventType, ModelEvent, Reason, VersionState
from services.admin.rebuild.overlay import compare, opened_by, overlay, reopened
from shared.domain.events import version_event
from shared.domain.records import DeletionRecord, SessionRecord, VersionRecord
from shared.storage.listing import ListedObject
from tests.support.records import SHA256, artifact, version

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
TTL = timedelta(hours=24)
LONG_AGO = NOW - timedelta(days=30)
FOUND: dict[str, Any] = {"state": "verified", "etag": "e", "object_version": "7", "format": "zip"}
VERIFIED: dict[str, Any] = {**FOUND, "sha256": SHA256, "sha256_state": "verified"}


def opened(*paths: str, **fields: Any) -> VersionRecord:
    """A version as its manifest tells of it."""
    session = SessionRecord(expires_at=LONG_AGO, idempotency_key="k", request_digest="d")
    declared = {"expected_sha256": SHA256, "multipart_id": "m"}
    artifacts = [artifact(path, **declared) for path in paths or ("model.bin",)]
    known = {"session": session, "label": "1.0", "tags": {"a": "b"}, "sequence": 1}
    return version(*artifacts, **{**known, **fields})


def told(record: VersionRecord, state: str, sequence: int = 2, /, **findings: Any) -> ModelEvent:
    """The event of a state, with the same findings of each file."""
    kinds: dict[str, EventType] = {
        "ready": "registry.version.ready.v1",
        "rejected": "registry.version.rejected.v1",
        "missing": "registry.version.missing.v1",
    }
    after = record.model_copy(
        update={
            "state": state,
            "sequence": sequence,
            "artifacts": [each.model_copy(update=findings) for each in record.artifacts],
        }
    )
    return version_event(kinds.get(state, "registry.version.created.v1"), after)


def without_artifacts(event: ModelEvent) -> ModelEvent:
    return event.model_copy(update={"data": event.data.model_copy(update={"artifacts": []})})


def with_reason(event: ModelEvent, code: str) -> ModelEvent:
    reasons = [Reason(code=code, detail="why")]
    return event.model_copy(update={"data": event.data.model_copy(update={"reasons": reasons})})


def restored(base: VersionRecord, event: ModelEvent) -> VersionRecord:
    return overlay(base, event, now=NOW, ttl=TTL)


@pytest.mark.parametrize(
    ("state", "sequence", "outcome"),
    [
        ("ready", 2, "confirmed"),
        ("rejected", 2, "differing"),
        ("verifying", 2, "differing"),
        ("pending", 1, "updated"),
        ("missing", 3, "ahead"),
    ],
)
def test_a_record_beside_its_newest_event(state: str, sequence: int, outcome: str) -> None:
    record = opened(state=state, sequence=sequence)
    assert compare(record, told(opened(), "ready")) == outcome


@pytest.mark.parametrize(
    ("sequence", "outcome"), [(1, "updated"), (2, "confirmed"), (5, "confirmed"), (6, "ahead")]
)
def test_a_record_that_was_edited_since_has_the_number_of_its_edit(
    sequence: int, outcome: str
) -> None:
    record = opened(state="ready", sequence=sequence)
    assert compare(record, told(opened(), "ready"), edited=5) == outcome


def test_an_edit_before_the_newest_state_counts_for_nothing() -> None:
    record = opened(state="pending", sequence=1)
    assert compare(record, told(opened(), "ready"), edited=1) == "updated"


def test_a_version_goes_from_pending_to_verifying_without_an_event() -> None:
    assert compare(opened(state="verifying"), told(opened(), "pending", 1)) == "confirmed"


def test_no_record_is_rebuilt() -> None:
    assert compare(None, told(opened(), "ready")) == "rebuilt"


def test_ready_is_what_was_opened_with_what_was_found() -> None:
    base = opened("a.bin", "b.bin")
    event = told(base, "ready", **VERIFIED)
    record = restored(base, event)
    assert (record.state, record.sequence, record.ready_at) == ("ready", 2, event.time)
    assert record.work is None
    assert [each.model_dump(include=set(VERIFIED)) for each in record.artifacts] == [VERIFIED] * 2
    assert record.artifacts[0].expected_sha256 == SHA256
    assert (record.label, record.tags) == ("1.0", {"a": "b"})
    assert record.session is not None
    assert (record.session.state, record.session.idempotency_key) == ("completed", "k")


def test_a_digest_that_was_only_claimed_is_to_be_confirmed() -> None:
    composite = CompositeDigest(value="x-1", part_size_bytes=5, part_count=1)
    claimed = {**FOUND, "sha256": SHA256, "sha256_state": "claimed", "composite": composite}
    record = restored(opened(), told(opened(), "ready", **claimed))
    assert record.state == "ready"
    assert record.work is not None
    assert record.work.kind == "confirm"
    assert record.artifacts[0].composite == composite
    assert record.artifacts[0].claimed_sha256 == SHA256


def test_it_was_ready_since_the_first_time() -> None:
    event = told(opened(), "ready", 5, **VERIFIED)
    assert restored(opened(ready_at=LONG_AGO), event).ready_at == LONG_AGO


@pytest.mark.parametrize("findings", [None, {}, {"etag": "e"}])
def test_ready_without_findings_of_every_file_is_verified_again(
    findings: dict[str, Any] | None,
) -> None:
    event = told(opened(), "ready", **(findings or {}))
    record = restored(opened(), without_artifacts(event) if findings is None else event)
    expected = ("verifying", "verify") if findings else ("pending", None)
    assert (record.state, record.work.kind if record.work else None) == expected
    assert (record.sequence, record.ready_at) == (2, event.time), "it was ready once"
    # It must neither expire nor lose the bytes that were verified once.
    assert record.session is not None
    assert record.session.expires_at > NOW + timedelta(days=10_000)


def test_one_file_that_the_event_leaves_out_keeps_the_version_from_ready() -> None:
    event = told(opened("a.bin"), "ready", **VERIFIED)
    record = restored(opened("a.bin", "b.bin"), event)
    assert [each.state for each in record.artifacts] == ["verified", "pending"]
    assert record.state == "pending"


def test_missing_keeps_its_reasons() -> None:
    event = with_reason(told(opened(), "missing", **VERIFIED), "object_missing")
    record = restored(opened(), event)
    assert (record.state, record.reasons[0].code) == ("missing", "object_missing")
    assert record.artifacts[0].object_version == "7"
    assert record.work is None


@pytest.mark.parametrize(
    ("code", "session"),
    [
        ("upload_aborted", "aborted"),
        ("upload_expired", "expired"),
        ("digest_mismatch", "open"),
    ],
)
def test_rejected_keeps_its_reasons_and_how_its_session_ended(code: str, session: str) -> None:
    record = restored(opened(), with_reason(told(opened(), "rejected"), code))
    assert (record.state, record.reasons[0].code) == ("rejected", code)
    assert record.session is not None
    assert (record.session.state, record.session.expires_at) == (session, LONG_AGO)
    assert record.work is None, "nothing is removed by what is rebuilt"


def test_an_upload_that_is_open_gets_its_time_anew() -> None:
    for record in (
        restored(opened(), told(opened(), "pending", 1)),
        reopened(opened(), now=NOW, ttl=TTL),
    ):
        assert (record.state, record.work) == ("pending", None)
        assert record.session is not None
        assert (record.session.state, record.session.expires_at) == ("open", NOW + TTL)


@pytest.mark.parametrize("is_told", [True, False])
def test_what_has_all_of_its_bytes_and_was_not_told_to_be_ready_is_left_to_a_worker(
    is_told: bool,
) -> None:
    """Who becomes ready is announced, so it does not by being rebuilt."""
    whole = opened()
    whole = whole.model_copy(
        update={"artifacts": [each.model_copy(update=VERIFIED) for each in whole.artifacts]}
    )
    event = without_artifacts(told(whole, "pending", 1))
    record = restored(whole, event) if is_told else reopened(whole, now=NOW, ttl=TTL)
    assert (record.state, record.ready_at) == ("pending", None)
    assert record.work is not None
    assert (record.work.kind, record.work.due_at) == ("join", NOW)


@pytest.mark.parametrize("is_told", [True, False])
def test_parts_of_an_upload_that_was_completed_are_joined(is_told: bool) -> None:
    base = opened()
    assert base.session is not None
    base = base.model_copy(
        update={"session": base.session.model_copy(update={"state": "completed"})}
    )
    event = told(base, "pending", 1)
    record = restored(base, event) if is_told else reopened(base, now=NOW, ttl=TTL)
    assert (record.state, record.work and record.work.kind) == ("pending", "join")
    # Parts that are lost reject a version; not one that was ready.
    was_ready = restored(base, told(base, "ready"))
    assert (was_ready.state, was_ready.work) == ("pending", None)


def test_a_found_object_is_to_be_read_again() -> None:
    manifest = version(artifact(kind="object", etag="e"), state="verifying", source="object")
    record = reopened(manifest, now=NOW, ttl=TTL)
    assert record.state == "verifying"
    assert record.work is not None
    assert (record.work.kind, record.work.due_at) == ("verify", NOW)


def test_without_a_manifest_the_event_tells_what_it_can() -> None:
    event = told(opened("a/b.bin"), "ready", **VERIFIED)
    base = opened_by(event, ())
    assert base is not None
    record = restored(base, event)
    assert (record.id, record.model, record.number, record.label) == ("v", "churn", 1, "1.0")
    assert (record.state, record.source, record.size_bytes) == ("ready", "upload", 5)
    [found] = record.artifacts
    assert (found.path, found.key, found.kind) == ("a/b.bin", "churn/1/a/b.bin", "object")
    assert (found.sha256, found.state) == (SHA256, "verified")
    assert (record.tags, record.session) == ({}, None)


def test_without_any_word_of_its_files_they_are_those_under_its_key() -> None:
    event = without_artifacts(told(opened(), "ready", **VERIFIED))
    base = opened_by(event, [ListedObject("churn/1/a/b.bin", "7", 9, None)])
    assert base is not None
    assert [(each.path, each.key, each.size_bytes) for each in base.artifacts] == [
        ("a/b.bin", "churn/1/a/b.bin", 9)
    ]
    assert restored(base, event).state == "pending"
    assert opened_by(event, ()) is None


def told_deleted(
    record: VersionRecord, before: VersionState, *, is_purged: bool = False, **findings: Any
) -> ModelEvent:
    deletion = DeletionRecord(
        at=LONG_AGO,
        by="somebody",
        state_before=before,
        purge_due_at=LONG_AGO,
        purged_at=LONG_AGO if is_purged else None,
    )
    return told(record.model_copy(update={"deletion": deletion}), "deleted", 3, **findings)


def test_what_is_due_is_not_purged_before_all_is_told() -> None:
    """Those that refer to its bytes may be told of later."""
    base = opened()
    after = restored(base, told_deleted(base, "ready", **VERIFIED))
    assert after.work is not None
    assert (after.work.kind, after.work.due_at) == ("purge", NOW + TTL)


def test_bytes_of_what_is_purged_count_as_needed_until_it_is_known_who_does() -> None:
    base = opened("a.bin", "b.bin")
    shared = [base.artifacts[0], base.artifacts[1].model_copy(update={"location": "other/1/b"})]
    base = base.model_copy(update={"artifacts": shared})
    after = restored(base, told_deleted(base, "ready", is_purged=True, **VERIFIED))
    assert [each.references for each in after.artifacts] == [1, 0]
    assert after.work is None


def test_a_deleted_version_keeps_how_its_upload_ended() -> None:
    base = opened()
    event = with_reason(told_deleted(base, "rejected"), "upload_aborted")
    session = restored(base, event).session
    assert session is not None
    assert session.state == "aborted"
