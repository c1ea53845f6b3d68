"""How a file is cut into parts, and how missing ones are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.schemas import FileRequest
from registry.schemas.uploads import MAX_OBJECT_BYTES, MAX_PARTS
from services.ingest.uploads.plans import (
    length_of_part,
    missing_parts,
    number_ranges,
    part_size_bytes,
    plan_artifact,
)
from shared.domain.records import ArtifactRecord
from shared.runtime.settings import MIB
from tests.support.isolation import SETTINGS

SHA256 = "0" * 64
MIN_PART_BYTES = 5 * MIB
"""S3 refuses a smaller part, unless it is the last."""

sizes = st.integers(1, MAX_OBJECT_BYTES)
preferred_sizes = st.integers(MIN_PART_BYTES, 5 * 1024 * MIB)


def planned(size_bytes: int, part_size: int) -> ArtifactRecord:
    return ArtifactRecord(
        path="x",
        key="",
        size_bytes=size_bytes,
        kind="multipart",
        part_size_bytes=part_size,
        part_count=-(-size_bytes // part_size),
    )


@given(sizes, preferred_sizes)
def test_any_size_up_to_5_tib_fits_into_10_000_parts_of_at_least_the_preferred_size(
    size_bytes: int, preferred: int
) -> None:
    part_size = part_size_bytes(size_bytes, preferred)
    assert part_size >= preferred
    assert -(-size_bytes // part_size) <= MAX_PARTS
    assert part_size == preferred or part_size % MIB == 0
    assert part_size - MIB < preferred or -(-size_bytes // (part_size - MIB)) > MAX_PARTS


@given(sizes, preferred_sizes)
def test_the_parts_together_are_the_file(size_bytes: int, preferred: int) -> None:
    artifact = planned(size_bytes, part_size_bytes(size_bytes, preferred))
    count = artifact.part_count or 0
    lengths = [length_of_part(artifact, number) for number in range(1, count + 1)]
    assert sum(lengths) == size_bytes
    assert set(lengths[:-1]) <= {artifact.part_size_bytes}
    assert 0 < lengths[-1] <= (artifact.part_size_bytes or 0)


@pytest.mark.parametrize(("size_bytes", "kind"), [(64 * MIB, "put"), (64 * MIB + 1, "multipart")])
def test_files_over_the_limit_go_in_parts(size_bytes: int, kind: str) -> None:
    artifact = plan_artifact(FileRequest(path="x", size_bytes=size_bytes), SETTINGS)
    assert artifact.kind == kind


def test_a_digest_is_a_promise_for_one_put_and_a_claim_for_parts() -> None:
    small = plan_artifact(FileRequest(path="x", size_bytes=1, sha256=SHA256), SETTINGS)
    assert (small.expected_sha256, small.claimed_sha256) == (SHA256, None)
    large = plan_artifact(FileRequest(path="x", size_bytes=65 * MIB, sha256=SHA256), SETTINGS)
    assert (large.expected_sha256, large.claimed_sha256) == (None, SHA256)
    assert (large.part_size_bytes, large.part_count) == (16 * MIB, 5)


@given(st.data())
def test_parts_are_missing_that_are_absent_or_of_another_size(data: st.DataObject) -> None:
    artifact = planned(data.draw(st.integers(1, 300)), 10)
    numbers = range(1, (artifact.part_count or 0) + 1)
    good = data.draw(st.sets(st.sampled_from(numbers)))
    wrong = data.draw(st.sets(st.sampled_from(numbers))) - good
    present = [(number, length_of_part(artifact, number)) for number in good]
    present += [(number, length_of_part(artifact, number) + 1) for number in wrong]
    assert missing_parts(artifact, present) == [n for n in numbers if n not in good]


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([], ""),
        ([7], "7"),
        ([1, 2], "1-2"),
        ([1, 2, 3, 7], "1-3, 7"),
        ([1, 3, 5], "1, 3, 5"),
        ([1, 2, 4, 5, 9], "1-2, 4-5, 9"),
    ],
)
def test_numbers_are_written_as_ranges(numbers: list[int], text: str) -> None:
    assert number_ranges(numbers) == text


@given(st.sets(st.integers(1, MAX_PARTS), max_size=50).map(sorted))
def test_ranges_tell_exactly_the_numbers(numbers: list[int]) -> None:
    told: list[int] = []
    for piece in filter(None, number_ranges(numbers).split(", ")):
        first, _, last = piece.partition("-")
        told += range(int(first), int(last or first) + 1)
    assert told == numbers
