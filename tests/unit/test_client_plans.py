"""The client's decisions: pure functions, so many inputs."""

import base64
import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import RetryPolicy
from registry._retry import parse_retry_after
from registry.errors import ProtocolError
from registry.schemas import FilePlan, FileRequest, UploadedPart, UploadRequest
from registry.transfer.digests import CompositeDigester, composite
from registry.transfer.upload.plan import (
    BATCH_PARTS,
    batches,
    composite_of,
    derive_key,
    ledger_conflict,
    missing_parts,
    split,
    stored_bytes,
)

sizes = st.integers(1, 10**6)


def plan(size: int, part_size: int, parts: list[UploadedPart] | None = None) -> FilePlan:
    return FilePlan(
        path="m",
        key="k",
        size_bytes=size,
        kind="multipart",
        part_size_bytes=part_size,
        part_count=-(-size // part_size),
        parts=parts or [],
    )


@given(sizes, st.integers(10**3, 10**6))
def test_parts_cover_the_file_without_gap_or_overlap(size: int, part_size: int) -> None:
    parts = split(plan(size, part_size))
    assert [p.number for p in parts] == list(range(1, len(parts) + 1))
    assert [p.offset for p in parts] == [
        sum(q.size_bytes for q in parts[: p.number - 1]) for p in parts
    ]
    assert sum(p.size_bytes for p in parts) == size
    assert all(p.size_bytes == part_size for p in parts[:-1])


def test_a_plan_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(ProtocolError):
        split(plan(10, 3).model_copy(update={"part_count": 3}))
    with pytest.raises(ProtocolError):
        split(plan(10, 3).model_copy(update={"part_size_bytes": None}))


@given(sizes, st.integers(10**3, 10**6))
def test_batches_keep_every_part_in_order(size: int, part_size: int) -> None:
    parts = split(plan(size, part_size))
    grouped = batches(parts)
    assert [part for batch in grouped for part in batch] == parts
    assert all(1 <= len(batch) <= BATCH_PARTS for batch in grouped)
    assert len(grouped[0]) <= 2


def test_batches_of_huge_parts_are_small() -> None:
    assert [len(b) for b in batches(split(plan(10 << 30, 1 << 30)))] == [1] * 10
    assert batches([]) == []


@given(st.sets(st.integers(1, 11)), st.sets(st.integers(1, 11)))
def test_the_ledger_is_compared_part_by_part(stored: set[int], wrong: set[int]) -> None:
    parts = split(plan(10_500, 1000))
    digests = {p.number: f"{p.number:064x}" for p in parts}
    ledger = [
        UploadedPart(
            number=p.number,
            size_bytes=p.size_bytes,
            sha256="f" * 64 if p.number in wrong else digests[p.number],
        )
        for p in parts
        if p.number in stored
    ]
    conflict = ledger_conflict(ledger, parts, digests)
    assert conflict == min(stored & wrong, default=None)
    assert {p.number for p in missing_parts(ledger, parts)} == {p.number for p in parts} - stored
    assert stored_bytes(plan(10_500, 1000, ledger)) == sum(p.size_bytes for p in ledger)


@pytest.mark.parametrize(
    "stored",
    [
        UploadedPart(number=1, size_bytes=999, sha256="0" * 64),
        UploadedPart(number=1, size_bytes=1000, sha256=None),
        UploadedPart(number=12, size_bytes=1000, sha256="0" * 64),
    ],
)
def test_a_part_that_cannot_be_ours_conflicts(stored: UploadedPart) -> None:
    parts = split(plan(10_500, 1000))
    assert ledger_conflict([stored], parts, {1: "0" * 64}) == stored.number


@given(st.binary(max_size=300), st.integers(1, 50), st.lists(st.integers(1, 60)))
def test_the_composite_digest_does_not_depend_on_chunks(
    data: bytes, part_size: int, cuts: list[int]
) -> None:
    digester, rest = CompositeDigester(part_size), data
    for cut in cuts:
        digester.update(rest[:cut])
        rest = rest[cut:]
    digester.update(rest)
    parts = [data[at : at + part_size] for at in range(0, len(data), part_size)]
    digests = [hashlib.sha256(part).digest() for part in parts]
    whole = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    assert digester.value() == f"{whole}-{len(parts)}" == composite(digests)
    by_number = {n: digest.hex() for n, digest in enumerate(digests, 1)}
    assert composite_of(dict(reversed(by_number.items()))) == digester.value()


def test_the_key_tells_apart_what_differs_and_nothing_else() -> None:
    def request(**changes: object) -> UploadRequest:
        fields = {"model": "m", "files": [FileRequest(path="a", size_bytes=1)], **changes}
        return UploadRequest.model_validate(fields)

    base = derive_key(request(tags={"a": "1", "b": "2"}), 0)
    assert base == derive_key(request(tags={"b": "2", "a": "1"}), 0)
    others = [
        derive_key(request(), 0),
        derive_key(request(tags={"a": "1", "b": "2"}), 1),
        derive_key(request(tags={"a": "1", "b": "2"}, version="x"), 0),
        derive_key(request(tags={"a": "1", "b": "2"}, storage_group="other"), 0),
        derive_key(request(files=[FileRequest(path="a", size_bytes=2)]), 0),
        derive_key(request(files=[FileRequest(path="a", size_bytes=1, sha256="0" * 64)]), 0),
    ]
    assert len({base, *others}) == 7
    assert base.isascii()
    assert len(base) < 128


@given(st.integers(1, 50), st.floats(0, 60))
def test_pauses_are_bounded_and_end(failures: int, retry_after: float) -> None:
    policy = RetryPolicy()
    longest = policy.delay(failures, retry_after, uniform=lambda _, bound: bound)
    shortest = policy.delay(failures, retry_after, uniform=lambda least, _: least)
    if failures >= policy.attempts:
        assert longest is shortest is None
    else:
        assert shortest == retry_after
        assert longest is not None
        assert longest <= retry_after + policy.cap_seconds


def test_a_server_that_asks_for_too_long_is_not_waited_for() -> None:
    assert RetryPolicy().delay(1, 61) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("2", 2.0),
        ("-1", 0.0),
        ("soon", None),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 00:00:30 -0000", 30.0),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=datetime(2026, 1, 1, tzinfo=UTC)) == seconds
