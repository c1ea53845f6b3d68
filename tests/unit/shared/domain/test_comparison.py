"""Comparisons say what is equal and what differs, whichever version comes first."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from registry.schemas import Artifact, CompositeDigest, TensorSummary, Version
from shared.domain.comparison import (
    ComparedRow,
    HeldTensor,
    compare_files,
    compare_metadata,
    compare_tensors,
    count_rows,
    have_same_bytes,
    parts_equal,
    sort_rows,
)
from shared.domain.part_digests import FileHasher, PartDigests

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def version(*files: Artifact, **fields: Any) -> Version:
    return Version(
        id="0" * 32,
        model="m",
        number=1,
        state="ready",
        source="upload",
        storage_group="models",
        artifacts=list(files),
        size_bytes=sum(file.size_bytes for file in files),
        created_at=NOW,
        sequence=1,
        **fields,
    )


def file(path: str = "m.bin", size: int = 1, sha256: str | None = "a", **fields: Any) -> Artifact:
    return Artifact(
        path=path,
        key=path,
        size_bytes=size,
        state="verified",
        sha256=sha256,
        sha256_state="verified" if sha256 else None,
        **fields,
    )


values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)
metadata = st.fixed_dictionaries(
    {
        "parameters": st.dictionaries(st.sampled_from("abc"), values, max_size=3),
        "metrics": st.dictionaries(st.sampled_from("ab"), st.floats(0, 1), max_size=2),
        "framework": st.sampled_from(["", "torch"]),
    }
)


def same_json(one: object, other: object) -> bool:
    """Equality of JSON values, written once more: true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[k], other[k]) for k in one)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType, reportUnknownArgumentType]
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))  # pyright: ignore[reportUnknownArgumentType]
    return one == other


@given(st.lists(metadata, min_size=2, max_size=3))
def test_metadata_equals_a_plain_reading_and_does_not_depend_on_the_order(
    told: list[dict[str, Any]],
) -> None:
    rows = {row.name: row for row in compare_metadata([version(**each) for each in told])}
    for name in "abc":
        there = [each["parameters"][name] for each in told if name in each["parameters"]]
        if not there:
            assert f"parameters.{name}" not in rows
        elif len(there) < len(told):
            assert rows[f"parameters.{name}"].status == "partial"
        else:
            equal = all(same_json(each, there[0]) for each in there)
            assert rows[f"parameters.{name}"].status == ("same" if equal else "changed")
    for order in permutations(range(len(told))):
        again = compare_metadata([version(**told[at]) for at in order])
        assert {row.name: row.status for row in again} == {n: r.status for n, r in rows.items()}
        assert all(row.values == [rows[row.name].values[at] for at in order] for row in again)


def test_what_differs_comes_first() -> None:
    rows = compare_metadata(
        [version(tags={"a": "1", "b": "1"}), version(tags={"a": "1", "b": "2", "c": "3"})]
    )
    assert [row.status for row in rows] == ["changed", "partial", *["same"] * 5]


def test_files_are_equal_by_what_was_verified_of_them_alone() -> None:
    composite = CompositeDigest(value="x-2", part_size_bytes=5, part_count=2)
    other_parts = composite.model_copy(update={"part_size_bytes": 6})
    another = composite.model_copy(update={"value": "y-2"})
    claimed = file().model_copy(update={"sha256_state": "claimed"})
    cases = [
        (file(), file(), True),
        (file(), file(sha256="b"), False),
        (file(), file(size=2), False),
        (file(), claimed, None),
        (file(composite=composite, sha256=None), file(composite=composite, sha256=None), True),
        (file(composite=composite, sha256=None), file(composite=another, sha256=None), False),
        (file(composite=composite, sha256=None), file(composite=other_parts, sha256=None), None),
    ]
    for one, other, expected in cases:
        assert have_same_bytes(one, other) is have_same_bytes(other, one) is expected
    rows = compare_files(
        [
            version(file("a"), file("b"), file("c"), claimed),
            version(file("a"), file("b", 2), file()),
        ]
    )
    assert [(row.path, row.status) for row in rows] == [
        ("b", "changed"),
        ("c", "partial"),
        ("m.bin", "alike"),
        ("a", "same"),
    ]
    assert count_rows(rows).model_dump() == {"same": 1, "alike": 1, "changed": 1, "partial": 1}


tensors = st.lists(
    st.builds(
        HeldTensor,
        st.just(0),
        st.sampled_from(["x", "y"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["F32", "F16"]),
        st.sampled_from([(1,), (2, 2)]),
        st.just(0),
        st.just(4),
    ),
    max_size=5,
    unique_by=lambda tensor: (tensor.path, tensor.name),
)


@given(st.lists(tensors | st.none(), min_size=2, max_size=4))
def test_every_tensor_is_in_one_row_whose_status_follows_from_those_that_have_it(
    listed: list[list[HeldTensor] | None],
) -> None:
    rows = compare_tensors(listed)
    read = [at for at, each in enumerate(listed) if each is not None]
    if len(read) < 2:
        assert rows == []
        return
    told = sorted((at, tensor) for row in rows for at, tensor in row.holders())
    assert told == sorted((at, tensor) for at in read for tensor in listed[at] or ())
    for row in rows:
        held = [tensor for _, tensor in row.holders()]
        assert {tensor.name for tensor in held} == {row.name}
        differs = {"dtype"} if len({t.dtype for t in held}) > 1 else set[str]()
        differs |= {"shape"} if len({t.shape for t in held}) > 1 else set()
        assert set(row.differs) == differs
        expected = "partial" if len(held) < len(read) else "changed" if differs else "alike"
        assert row.status == expected
    back = compare_tensors(listed[::-1])
    assert {(r.status, r.held[::-1]) for r in back} == {(r.status, r.held) for r in rows}


def test_a_name_in_several_files_is_told_apart_by_the_file_and_any_other_is_found_in_each() -> None:
    def held(path: str, name: str) -> HeldTensor:
        return HeldTensor(0, path, name, "F32", (1,), 0, 4)

    rows = compare_tensors(
        [[held("whole", "a")], [held("part-1", "a"), held("part-2", "b")]],
    )
    assert [(row.name, row.status) for row in sort_rows(rows)] == [("b", "partial"), ("a", "alike")]
    rows = compare_tensors([[held("unet", "a"), held("vae", "a")], [held("unet", "a")]])
    assert [(row.status, row.held[1]) for row in sort_rows(rows)] == [
        ("partial", None),
        ("alike", held("unet", "a")),
    ]


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=4))
def test_a_row_is_settled_by_one_that_differs_or_by_all_that_are_equal(
    found: list[bool | None],
) -> None:
    tensor = HeldTensor(0, "x", "a", "F32", (1,), 0, 4)
    row = ComparedRow("a", (tensor,) * (len(found) + 1), "alike")
    expected = "changed" if False in found else "alike" if None in found else "same"
    assert row.settled(found).status == expected
    settled = ComparedRow("a", (tensor, None), "partial")
    assert settled.settled(found) is settled


@given(
    st.binary(min_size=1, max_size=40),
    st.binary(min_size=1, max_size=40),
    st.integers(1, 8),
    st.integers(0, 39),
    st.integers(0, 39),
)
def test_part_digests_never_say_what_the_bytes_do_not(
    one: bytes, other: bytes, part: int, begin: int, end: int
) -> None:
    end = min(max(begin, end), len(one), len(other))
    equal = parts_equal((cut(one, part), cut(other, part)), (len(one), len(other)), begin, end)
    if equal is not None:
        assert equal == (one[begin:end] == other[begin:end])
    if begin % part == 0 and end % part == 0:
        assert equal is not None, "whole parts decide"


def cut(data: bytes, part: int) -> PartDigests:
    hasher = FileHasher(part)
    hasher.update(data)
    return hasher.parts()


def test_summaries_add_up_and_what_one_does_not_know_nobody_knows() -> None:
    one = TensorSummary(count=2, parameters=5, size_bytes=20, dtypes={"F32": 1, "F16": 1})
    other = TensorSummary(count=1, parameters=1, size_bytes=None, dtypes={"F32": 1})
    assert TensorSummary.sum_of([one, other]) == TensorSummary(
        count=3, parameters=6, size_bytes=None, dtypes={"F32": 2, "F16": 1}
    )
    assert TensorSummary.sum_of([]) is None
