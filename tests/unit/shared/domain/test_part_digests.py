"""The digests of a file's parts, from its bytes however they come."""

import hashlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.digests import composite
from shared.domain.part_digests import (
    MAX_PARTS,
    READ_PART_BYTES,
    FileHasher,
    PartDigests,
    read_part_bytes,
    spans_parts,
)
from tests.support.records import SHA256, artifact


@given(st.binary(max_size=200), st.integers(1, 50), st.lists(st.integers(0, 200)))
def test_any_cut_of_the_bytes_gives_the_digests_of_the_whole_and_of_each_part(
    data: bytes, part_size: int, cuts: list[int]
) -> None:
    hasher = FileHasher(part_size)
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    for begin, end in pairwise(places):
        hasher.update(data[begin:end])

    expected = [
        hashlib.sha256(data[begin : begin + part_size]).hexdigest()
        for begin in range(0, len(data), part_size)
    ]
    parts = hasher.parts()
    assert (hasher.size_bytes, hasher.sha256()) == (len(data), hashlib.sha256(data).hexdigest())
    assert parts == PartDigests.of(part_size, expected)
    assert parts.hex(1, MAX_PARTS) == expected
    assert parts.composite() == composite(expected)


@pytest.mark.parametrize("size", [1, READ_PART_BYTES, 5 * 2**40, 50 * 2**40])
def test_a_file_that_is_read_whole_has_no_more_parts_than_storage_allows(size: int) -> None:
    part = read_part_bytes(artifact(size_bytes=size))
    assert part >= READ_PART_BYTES
    assert -(-size // part) <= MAX_PARTS


def test_a_declared_part_size_is_kept() -> None:
    cut = artifact(kind="multipart", part_size_bytes=7, part_count=2, size_bytes=9)
    assert read_part_bytes(cut) == 7


@pytest.mark.parametrize(
    ("fields", "spans"),
    [
        ({"kind": "multipart", "part_size_bytes": 3, "part_count": 2}, True),
        ({"kind": "multipart", "part_size_bytes": 5, "part_count": 1}, False),
        ({"kind": "object", "size_bytes": READ_PART_BYTES + 1}, True),
        ({"kind": "object", "size_bytes": READ_PART_BYTES}, False),
        ({"kind": "put", "size_bytes": READ_PART_BYTES + 1, "expected_sha256": SHA256}, False),
    ],
)
def test_part_digests_are_kept_of_what_comes_in_parts_or_is_read_whole(
    fields: dict[str, Any], spans: bool
) -> None:
    assert spans_parts(artifact(**fields)) is spans
