"""Whether tensors have equal bytes, by reading them from storage up to a budget.

The beginnings of all of them come first: those of trained weights differ there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from registry.schemas import Version
from services.query.compare.headers import Headers
from shared.domain.comparison import ComparedRow, HeldTensor
from shared.runtime.tasks import run_all
from shared.storage.connection import StorageMissing, StorageRefused
from shared.storage.ranges import ObjectRanges

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_READS: Final = 2000
"""What one comparison reads of tensors; about a second together."""
PROBE_BYTES: Final = 16 * 1024
CHUNK_BYTES: Final = 1024 * 1024
SMALL_BYTES: Final = 1024 * 1024
"""A file of at most so many bytes is read once, whole."""
READS_AT_ONCE: Final = 8

Ask = Callable[[int, HeldTensor, int, HeldTensor], Awaitable[bool | None]]
"""Whether a tensor of one version and one of another have equal bytes; None: not found out."""


async def settle_by_reading(
    rows: Sequence[ComparedRow], versions: Sequence[Version], headers: Headers
) -> list[ComparedRow]:
    """Return the rows, settled as far as the budget lasts; raises StorageUnavailable."""
    settled = list(rows)
    reader = _Reader(versions, headers)
    for ask in (reader.ask_beginning, reader.ask_whole):
        order = await asyncio.to_thread(_smallest_first, settled)
        for start in range(0, len(order), READS_AT_ONCE):
            if reader.is_over:
                break
            places = order[start : start + READS_AT_ONCE]
            found = await run_all(_settled(settled[place], ask) for place in places)
            for place, row in zip(places, found, strict=True):
                settled[place] = row
    return settled


def _smallest_first(rows: Sequence[ComparedRow]) -> list[int]:
    """Return the places of the rows that can be read, so that most of them are told."""
    sizes = {
        place: row.holders()[0][1].size_bytes
        for place, row in enumerate(rows)
        if row.status == "alike" and _is_readable(row)
    }
    return sorted(sizes, key=sizes.__getitem__)


def _is_readable(row: ComparedRow) -> bool:
    held = [each for _, each in row.holders()]
    size_bytes = held[0].size_bytes
    return size_bytes >= 0 and all(t.begin >= 0 and t.size_bytes == size_bytes for t in held)


async def _settled(row: ComparedRow, ask: Ask) -> ComparedRow:
    """Ask of each holder whether its bytes are those of the first; one that differs is enough."""
    first, *others = row.holders()
    found: list[bool | None] = []
    for other in others:
        found.append(await ask(*first, *other))
        if found[-1] is False:
            break
    return row.settled(found)


@dataclass(slots=True)
class _Reader:
    """Reads pairs of tensors, and counts what that costs."""

    versions: Sequence[Version]
    headers: Headers
    bytes_left: int = MAX_BYTES
    reads_left: int = MAX_READS
    small: dict[tuple[int, int], bytes] = field(default_factory=dict[tuple[int, int], bytes])
    """Small files that were read, by the places of version and file."""
    reading_small: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be read."""
        return self.reads_left < 2 or self.bytes_left < 2

    async def ask_beginning(
        self, a: int, one: HeldTensor, b: int, other: HeldTensor
    ) -> bool | None:
        """Compare the beginnings; of longer tensors, equal ones tell nothing."""
        length = min(one.size_bytes, PROBE_BYTES)
        equal = await self._compare(a, one, b, other, 0, length)
        return equal if equal is False or length == one.size_bytes else None

    async def ask_whole(self, a: int, one: HeldTensor, b: int, other: HeldTensor) -> bool | None:
        """Compare all of two tensors, up to the first difference."""
        if 2 * one.size_bytes > self.bytes_left:
            return None
        for at in range(0, one.size_bytes, CHUNK_BYTES):
            length = min(CHUNK_BYTES, one.size_bytes - at)
            equal = await self._compare(a, one, b, other, at, length)
            if not equal:
                return equal
        return True

    async def _compare(
        self, a: int, one: HeldTensor, b: int, other: HeldTensor, at: int, length: int
    ) -> bool | None:
        left = await self._bytes(a, one, at, length)
        right = await self._bytes(b, other, at, length) if left is not None else None
        return None if left is None or right is None else left == right

    async def _bytes(self, place: int, tensor: HeldTensor, at: int, length: int) -> bytes | None:
        """Return some bytes of a tensor; None where they cost too much or cannot be read."""
        version = self.versions[place]
        ranges = self.headers.ranges(version, version.artifacts[tensor.file])
        begin = tensor.begin + at
        try:
            if ranges.size_bytes > SMALL_BYTES:
                return await self._read(ranges, begin, length)
            async with self.reading_small:  # it is read once
                key = (place, tensor.file)
                if key not in self.small:
                    whole = await self._read(ranges, 0, ranges.size_bytes)
                    if whole is None:
                        return None
                    self.small[key] = whole
            return self.small[key][begin : begin + length]
        except (StorageMissing, StorageRefused):
            return None

    async def _read(self, ranges: ObjectRanges, begin: int, length: int) -> bytes | None:
        if length > self.bytes_left or self.reads_left < 1:
            return None
        self.bytes_left -= length
        self.reads_left -= 1
        return await ranges.read(begin, length)
