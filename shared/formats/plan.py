"""Parsers that ask for bytes instead of reading them, and the budget that bounds each check.

A format's check is a generator: it yields the `Range` that it wants next, is sent the bytes, and
returns a `FormatReport`. So a parser is plain synchronous code without I/O: it runs in a thread of
the indexer while it is cheap (`check.py`), and in a process of its own where it is not
(`sandbox/`). This module imports nothing that is large, since that process pays for it.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias, TypeVar

from shared.formats.costs import TooCostly
from shared.formats.inventory import Inventory
from shared.formats.report import FormatReport

HEAD_BYTES: Final = 4096
"""First read of any file: holds every magic number and most small headers."""
CHUNK_BYTES: Final = 1024 * 1024
"""The longest range that a plan asks for; a longer piece comes in several."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one check may cost."""

    read_bytes: int
    """Transferred in all, without the file's head."""
    reads: int
    steps: int
    """Fields, members and entries that are looked at: each costs about a microsecond or more."""


SMALL: Final = Limits(read_bytes=CHUNK_BYTES, reads=64, steps=50_000)
"""What is checked while others wait: nearly every file. At most about a tenth of a second."""
FULL: Final = Limits(read_bytes=256 * 1024 * 1024, reads=4096, steps=20_000_000)
"""What a file may cost at all. Twice the largest header that any format is allowed; the hungriest
good files are ONNX models with thousands of large top-level functions, by reads, and safetensors
headers of two million members, by steps."""


class Budget:
    """Counts what one check costs; every method raises TooCostly beyond the limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._read_bytes = 0
        self._reads = 0
        self._steps = 0

    def require_bytes(self, count: int) -> None:
        """Tell what will be read, so that nothing is transferred in vain."""
        if self._read_bytes + count > self._limits.read_bytes:
            raise TooCostly(f"{self._limits.read_bytes} bytes read")

    def count_read(self, length: int) -> None:
        """Count a range before it is transferred."""
        self.require_bytes(length)
        self._read_bytes += length
        self._reads += 1
        if self._reads > self._limits.reads:
            raise TooCostly(f"{self._limits.reads} separate reads")

    def half_of_what_is_left(self) -> Limits:
        """Return what something may cost that the check can do without."""
        most = self._limits
        return Limits(
            (most.read_bytes - self._read_bytes) // 2,
            (most.reads - self._reads) // 2,
            (most.steps - self._steps) // 2,
        )

    def count_step(self) -> None:
        """Count a field, a member or an entry."""
        self._steps += 1
        if self._steps > self._limits.steps:
            raise TooCostly(f"{self._limits.steps} steps")


class Range(NamedTuple):
    """A wish for bytes; always inside the file, so the answer has exactly `length` bytes."""

    offset: int
    length: int


T = TypeVar("T")
Steps: TypeAlias = Generator[Range, bytes, T]
"""A piece of a parser: yields ranges, is sent their bytes, returns T."""
Plan: TypeAlias = Steps[FormatReport]
"""A whole check."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """The file under check, as far as it is known before its plan runs."""

    extension: str
    """Lower case, with its dot; empty when the name has none."""
    size_bytes: int
    head: bytes
    """The first HEAD_BYTES of the file, or all of a smaller one."""
    budget: Budget
    inventory: Inventory = field(default_factory=Inventory)
    """Is told each tensor that the check sees."""


def read_whole(candidate: Candidate, offset: int, length: int) -> Steps[bytes | bytearray]:
    """Read a piece of any length, in chunks; refused at once where it exceeds the budget."""
    candidate.budget.require_bytes(length)
    if length <= CHUNK_BYTES:
        return (yield Range(offset, length)) if length else b""
    whole = bytearray(length)  # filled in place: the piece is in memory once
    for start in range(0, length, CHUNK_BYTES):
        wanted = min(CHUNK_BYTES, length - start)
        whole[start : start + wanted] = yield Range(offset + start, wanted)
    return whole


def advance(plan: Plan, data: bytes | None) -> Range | FormatReport:
    """Run a plan up to its next wish or its report; None begins it."""
    try:
        return next(plan) if data is None else plan.send(data)
    except StopIteration as done:
        report: FormatReport = done.value
        return report


def from_head(candidate: Candidate, wish: Range) -> bytes | None:
    """Answer a wish from the head; None, and it is counted, where it must be read."""
    end = wish.offset + wish.length
    if end <= len(candidate.head):
        return candidate.head[wish.offset : end]
    candidate.budget.count_read(wish.length)
    return None
