"""How verdicts change a version, whatever order, repetition or delay they come with."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.schemas import Reason
from shared.domain.blobs import referring
from shared.domain.records import ArtifactRecord, VersionRecord, WorkRecord, utc_now
from shared.domain.transitions import Verdict, apply_verdicts, with_number_and_keys
from tests.support.records import SHA256, artifact, version

REASON = Reason(code="size_mismatch", detail="it is shorter")


def applied(before: VersionRecord, verdicts: Sequence[Verdict]) -> VersionRecord:
    return apply_verdicts(before, verdicts, utc_now())


def several(count: int) -> list[ArtifactRecord]:
    return [artifact(f"{index}.bin") for index in range(count)]


def verified(record: VersionRecord, index: int = 0, **fields: Any) -> Verdict:
    found = {"state": "verified", "sha256": SHA256, "sha256_state": "verified", "etag": "e"}
    return Verdict("v", index, record.artifacts[index].model_copy(update=found | fields))


def unattested(record: VersionRecord, index: int = 0) -> Verdict:
    return Verdict("v", index, record.artifacts[index].model_copy(update={"etag": "e"}))


def refuted(record: VersionRecord, index: int = 0, token: str | None = None) -> Verdict:
    return Verdict("v", index, record.artifacts[index], REASON, token)


def leased(token: str) -> WorkRecord:
    return WorkRecord(kind="verify", token=token, due_at=utc_now() + timedelta(seconds=60))


def test_the_last_verified_artifact_makes_the_version_ready() -> None:
    before = version(*several(2))
    between = applied(before, [verified(before, 1)])
    assert (between.state, between.ready_at) == ("pending", None)
    after = applied(between, [verified(between, 0)])
    assert after.state == "ready"
    assert after.ready_at is not None


def test_one_refuted_artifact_rejects_the_version_with_its_reason() -> None:
    before = version(*several(2))
    after = applied(before, [verified(before, 0), refuted(before, 1)])
    assert (after.state, after.reasons) == ("rejected", [REASON])


def test_every_reason_of_one_batch_is_kept() -> None:
    before = version(*several(3))
    after = applied(before, [refuted(before, 0), refuted(before, 2)])
    assert len(after.reasons) == 2


def test_an_unattested_object_has_to_be_read_before_the_version_is_ready() -> None:
    before = version(*several(2))
    between = applied(before, [unattested(before, 0), verified(before, 1)])
    assert between.state == "verifying"
    assert between.work is not None
    assert (between.work.kind, between.work.token) == ("verify", None)


def test_ready_by_its_parts_alone_the_version_still_lacks_a_digest() -> None:
    before = version()
    by_parts = verified(before, sha256=None, sha256_state=None)
    work = applied(before, [by_parts]).work
    assert work is not None
    assert work.kind == "confirm"
    assert applied(before, [verified(before)]).work is None


@pytest.mark.parametrize("state", ["ready", "rejected", "deleted"])
def test_a_settled_version_does_not_change(state: str) -> None:
    before = version(state=state)
    for verdict in (verified(before), unattested(before), refuted(before)):
        assert applied(before, [verdict]) is before


def test_a_verified_artifact_does_not_change() -> None:
    pending = version(*several(2))
    before = applied(pending, [verified(pending, 0)])
    for verdict in (verified(before, 0, sha256="b" * 64), unattested(pending, 0), refuted(before)):
        assert applied(before, [verdict]) is before


@pytest.mark.parametrize("work", [None, leased("another")])
def test_a_verdict_under_a_lost_lease_changes_nothing(work: WorkRecord | None) -> None:
    before = version(state="verifying", work=work)
    found = verified(before).artifact
    for reason in (None, REASON):
        assert applied(before, [Verdict("v", 0, found, reason, "mine")]) is before


def test_a_verdict_under_its_lease_counts_and_gives_the_lease_back() -> None:
    before = version(*several(2), state="verifying", work=leased("mine"))
    found = verified(before, 0).artifact
    after = applied(before, [Verdict("v", 0, found, None, "mine")])
    assert after.artifacts[0].state == "verified"
    assert after.work is None
    assert applied(before, [refuted(before, 0, "mine")]).work is None


def test_work_that_was_given_up_is_due_again_when_its_event_comes_again() -> None:
    found = artifact().model_copy(update={"etag": "e"})
    before = version(found, state="verifying", failure=Reason(code="verify_failed", detail="x"))
    after = applied(before, [Verdict("v", 0, found)])
    assert after.failure is None
    assert after.work is not None
    assert (after.work.kind, after.work.attempts) == ("verify", 0)


def test_a_late_verdict_does_not_bring_back_work_that_was_given_up() -> None:
    found = artifact().model_copy(update={"etag": "e"})
    before = version(found, state="verifying", failure=Reason(code="verify_failed", detail="x"))
    assert applied(before, [Verdict("v", 0, found, None, "late")]) is before


def in_batches(record: VersionRecord, batches: Sequence[Sequence[Verdict]]) -> VersionRecord:
    for batch in batches:
        record = applied(record, batch)
    return record


@given(st.data())
def test_any_order_and_repetition_of_the_verdicts_ends_in_the_same_state(
    data: st.DataObject,
) -> None:
    before = version(*several(data.draw(st.integers(1, 4))))
    indexes = range(len(before.artifacts))
    kinds = data.draw(st.tuples(*(st.sampled_from("vur") for _ in indexes)))
    make = {"v": verified, "u": unattested, "r": refuted}
    verdicts = [make[kind](before, index) for index, kind in enumerate(kinds)]
    repeated = verdicts + data.draw(st.lists(st.sampled_from(verdicts), max_size=6))
    shuffled = data.draw(st.permutations(repeated))
    cuts = data.draw(st.lists(st.integers(0, len(shuffled)), max_size=3).map(sorted))
    edges = [0, *cuts, len(shuffled)]
    batches = [shuffled[a:b] for a, b in pairwise(edges)]

    at_once, piecemeal = applied(before, verdicts), in_batches(before, batches)

    expected = "rejected" if "r" in kinds else "verifying" if "u" in kinds else "ready"
    assert (at_once.state, piecemeal.state) == (expected, expected)
    if expected != "rejected":
        assert piecemeal.artifacts == at_once.artifacts


def test_a_numbered_draft_has_its_keys() -> None:
    draft = version(artifact("a/b.bin", key=""), artifact("c", key="churn/1.0/c"), number=0)
    record = with_number_and_keys(draft, 7)
    assert record.number == 7
    assert [found.key for found in record.artifacts] == ["churn/7/a/b.bin", "churn/1.0/c"]


def test_a_file_of_which_something_was_sent_meanwhile_does_not_refer_to_other_bytes() -> None:
    shared = artifact(key="churn/9/model.bin", state="verified", sha256=SHA256)
    for sent in ({"multipart_id": "parts"}, {"etag": "e"}):
        before = version(artifact(**sent), artifact("other.bin"))
        verdict = Verdict("v", 0, referring(before.artifacts[0], shared))
        assert applied(before, [verdict]) is before


def test_a_file_that_has_the_bytes_of_another_one_of_its_version_is_judged_after_it() -> None:
    holder = artifact("a.bin", kind="multipart", multipart_id="m")
    sharing = artifact("b.bin", location=holder.key)
    before = version(holder, sharing, work=WorkRecord(kind="join", due_at=utc_now()))
    read = applied(before, [unattested(before)])
    assert (read.state, read.work and read.work.kind) == ("verifying", "verify")
    half = applied(read, [verified(read)])
    assert (half.state, half.work and half.work.kind) == ("verifying", "verify")
    same = Verdict("v", 1, referring(half.artifacts[1], half.artifacts[0]))
    assert applied(half, [same]).state == "ready"


def test_a_file_whose_bytes_lie_elsewhere_is_checked_under_its_own_name() -> None:
    there = {"location": "other/1/a.bin", "etag": "e", "sha256": SHA256}
    before = version(artifact("b.bin", **there), state="verifying")
    [sharing] = before.artifacts
    found = Verdict("v", 0, sharing.model_copy(update={"state": "verified"}))
    assert applied(before, [found]).state == "ready"
    elsewhere = sharing.model_copy(update={"state": "verified", "location": "third/1/a.bin"})
    assert applied(before, [Verdict("v", 0, elsewhere)]) is before


def test_parts_that_are_all_joined_are_not_waited_for() -> None:
    before = version(*several(2), work=WorkRecord(kind="join", due_at=utc_now()))
    first = applied(before, [unattested(before, 0)])
    assert (first.state, first.work and first.work.kind) == ("verifying", "join")
    both = applied(first, [unattested(first, 1)])
    assert (both.state, both.work and both.work.kind) == ("verifying", "verify")
