"""Versions side by side: pure decisions about what is equal, what differs, what nobody knows."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal, NamedTuple, TypeVar

from pydantic import JsonValue

from registry.schemas import Artifact, Version
from registry.schemas.comparison import (
    ComparedFile,
    Difference,
    FileRow,
    Likeness,
    Likenesses,
    MetadataRow,
)
from shared.domain.part_digests import DIGEST_BYTES, PartDigests

ORDER: Mapping[str, int] = {"changed": 0, "partial": 1, "alike": 2, "same": 3}
"""What differs comes first."""

Row = TypeVar("Row", MetadataRow, FileRow, "ComparedRow")


class HeldTensor(NamedTuple):
    """A tensor as one version has it."""

    file: int
    """Place of its artifact in the version."""
    path: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    """Where its bytes begin in the file; -1: they are not there as they are."""
    size_bytes: int
    """-1: unknown."""


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """A tensor in all versions that were read."""

    name: str
    held: tuple[HeldTensor | None, ...]
    """In the order of the versions; None where one has it not, or was not read."""
    status: Likeness
    differs: tuple[Difference, ...] = ()

    def holders(self) -> list[tuple[int, HeldTensor]]:
        """Return those that have it, with the places of their versions."""
        return [(at, held) for at, held in enumerate(self.held) if held is not None]

    def settled(self, are_equal: Iterable[bool | None]) -> "ComparedRow":
        """Return the row once it is known of each holder whether its bytes are the first's."""
        if self.status != "alike":
            return self
        status = _likeness(are_equal)
        return replace(self, status=status, differs=("bytes",) if status == "changed" else ())


def compare_metadata(versions: Sequence[Version]) -> list[MetadataRow]:
    """Return what the versions say of themselves, by name; what differs comes first."""
    told = [_metadata(version) for version in versions]
    rows: list[MetadataRow] = []
    for name in dict.fromkeys(chain.from_iterable(told)):
        values = [each.get(name) for each in told]
        status: Literal["same", "changed", "partial"] = "same"
        if any(name not in each for each in told):
            status = "partial"
        elif any(_canonical(value) != _canonical(values[0]) for value in values):
            status = "changed"
        rows.append(MetadataRow(name=name, status=status, values=values))
    return _ordered(rows, lambda row: "")  # otherwise as they are told


def compare_files(versions: Sequence[Version]) -> list[FileRow]:
    """Return the files by their paths; what differs comes first."""
    held = [{file.path: file for file in version.artifacts} for version in versions]
    rows: list[FileRow] = []
    for path in dict.fromkeys(chain.from_iterable(held)):
        files = [each.get(path) for each in held]
        there = [file for file in files if file is not None]
        status: Likeness = "partial"
        if len(there) == len(files):
            status = _likeness(have_same_bytes(there[0], other) for other in there[1:])
        rows.append(FileRow(path=path, status=status, values=[_told(file) for file in files]))
    return _ordered(rows, lambda row: row.path)


def have_same_bytes(one: Artifact, other: Artifact) -> bool | None:
    """Whether two files have equal bytes, by what was verified of them; None: nobody knows."""
    if one.size_bytes != other.size_bytes:
        return False
    if one.sha256_state == other.sha256_state == "verified":
        return one.sha256 == other.sha256
    a, b = one.composite, other.composite
    if a and b and (a.part_size_bytes, a.part_count) == (b.part_size_bytes, b.part_count):
        return a.value == b.value
    return None


def compare_tensors(listed: Sequence[Sequence[HeldTensor] | None]) -> list[ComparedRow]:
    """Return the tensors by their names; None stands for a version whose tensors were not read.

    A name that a version has in several files is told apart by the file, in all versions. Rows of
    equal dtype and shape are `alike`: whether their bytes are equal is not asked here.
    """
    if sum(each is not None for each in listed) < 2:
        return []
    counts = [Counter(tensor.name for tensor in each or ()) for each in listed]
    ambiguous = {name for each in counts for name, count in each.items() if count > 1}
    held: list[dict[tuple[str, str], HeldTensor] | None] = [
        None if each is None else {(t.name, t.path if t.name in ambiguous else ""): t for t in each}
        for each in listed
    ]
    keys = dict.fromkeys(chain.from_iterable(each for each in held if each is not None))
    return [_tensor_row(key, held) for key in keys]


def sort_rows(rows: Iterable[ComparedRow]) -> list[ComparedRow]:
    """Return the tensors in their order: what differs first, then by name."""
    return _ordered(rows, lambda row: row.name)


def count_rows(rows: Iterable[MetadataRow | FileRow | ComparedRow]) -> Likenesses:
    """Return how many rows there are of each kind."""
    return Likenesses.model_validate(Counter(row.status for row in rows))


def parts_equal(
    parts: tuple[PartDigests, PartDigests], sizes: tuple[int, int], begin: int, end: int
) -> bool | None:
    """Whether two files have equal bytes from `begin` to `end`, by the digests of their parts.

    `sizes` are the files'. None where no whole part decides it.
    """
    if begin >= end:
        return True
    one, other = parts
    size = one.part_size_bytes
    last = (end - 1) // size
    if other.part_size_bytes != size or last >= min(len(one), len(other)):
        return None
    equal: bool | None = True
    for index in range(begin // size, last + 1):
        at = index * DIGEST_BYTES
        if one.digests[at : at + DIGEST_BYTES] == other.digests[at : at + DIGEST_BYTES]:
            continue
        part_end = max(min((index + 1) * size, each) for each in sizes)
        if begin <= index * size and part_end <= end:
            return False  # what differs lies within
        equal = None  # it may lie outside
    return equal


def _metadata(version: Version) -> dict[str, JsonValue]:
    told: dict[str, JsonValue] = {
        "state": version.state,
        "framework": version.framework,
        "description": version.description,
        "size_bytes": version.size_bytes,
    }
    for title, entries in (
        ("metrics", version.metrics),
        ("parameters", version.parameters),
        ("tags", version.tags),
        ("properties", version.properties),
    ):
        told |= {f"{title}.{name}": value for name, value in entries.items()}
    return told


def _canonical(value: JsonValue) -> object:
    """Return a value so that two are equal where JSON's are: for Python true is 1."""
    match value:
        case bool():
            return ("bool", value)
        case dict():
            return {name: _canonical(each) for name, each in value.items()}
        case list():
            return [_canonical(each) for each in value]
        case _:
            return value


def _told(file: Artifact | None) -> ComparedFile | None:
    return None if file is None else ComparedFile.model_validate(file.model_dump())


def _likeness(are_equal: Iterable[bool | None]) -> Likeness:
    found = list(are_equal)
    if False in found:
        return "changed"
    return "alike" if None in found else "same"


def _tensor_row(
    key: tuple[str, str], held: Sequence[Mapping[tuple[str, str], HeldTensor] | None]
) -> ComparedRow:
    values = tuple(None if each is None else each.get(key) for each in held)
    there = [each for each in values if each is not None]
    differs: list[Difference] = []
    if any(each.dtype != there[0].dtype for each in there):
        differs.append("dtype")
    if any(each.shape != there[0].shape for each in there):
        differs.append("shape")
    status: Likeness = "changed" if differs else "alike"
    if len(there) < sum(each is not None for each in held):
        status = "partial"
    return ComparedRow(key[0], values, status, tuple(differs))


def _ordered(rows: Iterable[Row], name: Callable[[Row], str]) -> list[Row]:
    return sorted(rows, key=lambda row: (ORDER[row.status], name(row)))
