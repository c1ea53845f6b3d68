"""Digests say of tensors what they say of their bytes, and nothing more."""

from datetime import UTC, datetime

from registry.schemas import Artifact, Version
from services.query.compare.attested import Digests
from shared.domain.comparison import HeldTensor, compare_tensors
from shared.domain.part_digests import FileHasher, PartDigests

ONE = b"header--" + b"a" * 8 + b"b" * 8
OTHER = b"header--" + b"a" * 8 + b"c" * 8


def version(*files: tuple[str, str | None]) -> Version:
    return Version(
        id="0" * 32,
        model="m",
        number=1,
        state="ready",
        source="upload",
        storage_group="models",
        artifacts=[
            Artifact(
                path=path,
                key=path,
                size_bytes=24,
                state="verified",
                sha256=sha256,
                sha256_state="verified" if sha256 else None,
            )
            for path, sha256 in files
        ],
        size_bytes=24,
        created_at=datetime(2026, 11, 28, tzinfo=UTC),
        sequence=1,
    )


def held(name: str, begin: int, size_bytes: int = 8) -> HeldTensor:
    return HeldTensor(0, "m", name, "U8", (8,), begin, size_bytes)


def parts(data: bytes, size: int = 8) -> PartDigests:
    hasher = FileHasher(size)
    hasher.update(data)
    return hasher.parts()


def statuses(digests: Digests, *listed: list[HeldTensor]) -> dict[str, str]:
    return {row.name: row.status for row in digests.settle(compare_tensors(listed))}


def test_equal_files_have_equal_tensors_and_unequal_ones_tell_nothing() -> None:
    tensors = [held("a", 8), held("b", 16)]
    same = Digests([version(("m", "x")), version(("m", "x"))], [{}, {}])
    assert statuses(same, tensors, tensors) == {"a": "same", "b": "same"}
    other = Digests([version(("m", "x")), version(("m", "y"))], [{}, {}])
    assert statuses(other, tensors, tensors) == {"a": "alike", "b": "alike"}


def test_digests_of_parts_tell_of_the_tensors_at_the_same_place() -> None:
    digests = Digests([version(("m", None))] * 2, [{0: parts(ONE)}, {0: parts(OTHER)}])
    assert statuses(
        digests,
        [held("a", 8), held("b", 16), held("moved", 8), held("cut", 12)],
        [held("a", 8), held("b", 16), held("moved", 9), held("cut", 12)],
    ) == {"a": "same", "b": "changed", "moved": "alike", "cut": "alike"}


def test_weights_that_a_header_only_names_are_equal_where_all_files_are() -> None:
    outside = [held("w", -1)]
    files = [("m", "x"), ("weights", "y")]
    same = Digests([version(*files), version(*files)], [{}, {}])
    assert statuses(same, outside, outside) == {"w": "same"}
    other = Digests([version(*files), version(("m", "x"), ("weights", "z"))], [{}, {}])
    assert statuses(other, outside, outside) == {"w": "alike"}
