"""How staged bytes are cut into parts, and where they wait."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.object_keys import parse_key
from shared.domain.records import new_id, utc_now
from shared.domain.staging import (
    MAX_PART_BYTES,
    MIB,
    MOST_URLS,
    StagedRecord,
    part_length,
    staged_key,
    staged_part_bytes,
)


def record(size_bytes: int, part_bytes: int) -> StagedRecord:
    now = utc_now()
    return StagedRecord(
        id="s",
        model="churn",
        bucket="models",
        key="k",
        sha256="a" * 64,
        size_bytes=size_bytes,
        part_size_bytes=part_bytes,
        part_count=-(-size_bytes // part_bytes),
        owner="o",
        secret_sha256="",
        created_at=now,
        expires_at=now + timedelta(hours=1),
    )


@given(st.integers(1, 5 * 1024**4), st.integers(1, 256), st.sampled_from([5 * MIB, 16 * MIB]))
def test_all_parts_of_one_answer_have_room_in_it(size: int, files: int, preferred: int) -> None:
    try:
        part_bytes = staged_part_bytes(size, preferred, files)
    except ValueError:
        assert size > (MOST_URLS // files) * MAX_PART_BYTES
        return
    assert preferred <= part_bytes <= MAX_PART_BYTES
    found = record(size, part_bytes)
    assert found.part_count * files <= MOST_URLS
    lengths = [part_length(found, number) for number in range(1, found.part_count + 1)]
    assert sum(lengths) == size
    assert all(each == part_bytes for each in lengths[:-1])
    assert 0 < lengths[-1] <= part_bytes


def test_no_version_can_be_where_bytes_wait() -> None:
    key = staged_key("churn", new_id(), "a" * 64)
    assert key.startswith("churn/")
    with pytest.raises(ValueError, match="version"):
        parse_key(key)
