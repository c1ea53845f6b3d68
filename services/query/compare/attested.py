"""Whether tensors have equal bytes, by the digests that were verified of their files."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from registry.schemas import Artifact, Version
from shared.database.client import Database
from shared.database.part_digests import read_part_digests
from shared.domain.comparison import ComparedRow, HeldTensor, have_same_bytes, parts_equal
from shared.domain.part_digests import PartDigests

Pair = tuple[int, int, int, int]
"""Two files: the place of each one's version, and its own place there; -1: all files."""


async def settle_by_digests(
    rows: Sequence[ComparedRow], versions: Sequence[Version], database: Database
) -> list[ComparedRow]:
    """Return the rows, settled where digests decide; raises DatabaseUnavailable."""
    wanted = await asyncio.to_thread(_files_in_question, rows, len(versions))
    parts: list[dict[int, PartDigests]] = []
    for version, files in zip(versions, wanted, strict=True):
        kept = await read_part_digests(database, version.id, sorted(files))
        parts.append({n: p for n, p in kept.items() if p.are_of(version.artifacts[n])})
    return await asyncio.to_thread(Digests(versions, parts).settle, rows)


def _files_in_question(rows: Sequence[ComparedRow], versions: int) -> list[set[int]]:
    files: list[set[int]] = [set() for _ in range(versions)]
    for row in rows:
        if row.status == "alike":
            for held, wanted in zip(row.held, files, strict=True):
                if held is not None:
                    wanted.add(held.file)
    return files


@dataclass(slots=True)
class Digests:
    """What was verified of the files of some versions."""

    versions: Sequence[Version]
    parts: Sequence[dict[int, PartDigests]]
    """Of each version, by the place of the file."""
    known: dict[Pair, bool | None] = field(default_factory=dict[Pair, "bool | None"])
    """What was found of pairs of files."""

    def settle(self, rows: Sequence[ComparedRow]) -> list[ComparedRow]:
        """Return the rows, settled where digests decide."""
        return [self._settled(row) if row.status == "alike" else row for row in rows]

    def _settled(self, row: ComparedRow) -> ComparedRow:
        (a, one), *others = row.holders()
        return row.settled(self._are_equal(a, one, b, other) for b, other in others)

    def _are_equal(self, a: int, one: HeldTensor, b: int, other: HeldTensor) -> bool | None:
        if one.begin < 0 or other.begin < 0:
            # Its bytes may be in another file, which the header only names.
            return True if self._versions_equal(a, b) else None
        if one.begin != other.begin or one.size_bytes < 0:
            return None
        if self._files_equal((a, one.file, b, other.file)):
            return True
        parts = self.parts[a].get(one.file), self.parts[b].get(other.file)
        if parts[0] is None or parts[1] is None:
            return None
        sizes = self._file(a, one.file).size_bytes, self._file(b, other.file).size_bytes
        end = one.begin + one.size_bytes
        return parts_equal((parts[0], parts[1]), sizes, one.begin, end)

    def _file(self, at: int, index: int) -> Artifact:
        return self.versions[at].artifacts[index]

    def _files_equal(self, pair: Pair) -> bool | None:
        if pair not in self.known:
            a, one, b, other = pair
            self.known[pair] = have_same_bytes(self._file(a, one), self._file(b, other))
        return self.known[pair]

    def _versions_equal(self, a: int, b: int) -> bool | None:
        pair = (a, -1, b, -1)
        if pair not in self.known:
            one, other = ({f.path: f for f in self.versions[at].artifacts} for at in (a, b))
            self.known[pair] = one.keys() == other.keys() and all(
                have_same_bytes(one[path], other[path]) for path in one
            )
        return self.known[pair]
