"""Parsers that ask for bytes instead of reading them, and the one loop that answers.

A format's check is a generator: it yields the `Range` that it wants next, is sent the bytes, and
returns a `FormatReport`. So a parser is plain synchronous code without I/O, the loop below runs it
in a thread, and what any file may cost is bounded here, once for all formats.
"""

import asyncio
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias, TypeVar

from services.indexer.verify.formats.report import FormatError, FormatReport, RangeReader

HEAD_BYTES: Final = 4096
"""First read of any file: holds every magic number and most small headers."""
MAX_READS: Final = 4096
"""Reads that one check may ask for. The hungriest good file is an ONNX model with thousands of
large top-level functions; at a few milliseconds a read this keeps a check under a minute."""
MAX_READ_BYTES: Final = 256 * 1024 * 1024
"""Bytes that one check may transfer in all: twice the largest header any format is allowed."""


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


async def read_exactly(reader: RangeReader, offset: int, length: int) -> bytes:
    """Read a range that lies inside the object.

    Raises:
        OSError: the reader answered another length, so storage and its stated size disagree;
            that says nothing about the format, and the check may be tried again.

    """
    data = await reader.read(offset, length)
    if len(data) != length:
        raise OSError(f"Asked for {length} bytes at offset {offset}, got {len(data)}.")
    return data


async def run_plan(plan: Plan, reader: RangeReader, head: bytes) -> FormatReport:
    """Answer a plan's wishes until it reports; its parsing runs in a worker thread.

    Raises:
        FormatError: the plan found a broken rule, or wanted more than the bounds above.
        OSError: the reader failed.

    """
    data: bytes | None = None
    transferred = 0
    for _ in range(MAX_READS):
        step = await asyncio.to_thread(_advance, plan, data)
        if isinstance(step, FormatReport):
            return step
        offset, length = step
        if offset + length <= len(head):
            data = head[offset : offset + length]
            continue
        transferred += length
        if transferred > MAX_READ_BYTES:
            raise FormatError(
                "check_too_many_bytes",
                f"The structure needs more than {MAX_READ_BYTES} bytes read, at offset {offset}.",
            )
        data = await read_exactly(reader, offset, length)
    raise FormatError(
        "check_too_many_reads", f"The structure needs more than {MAX_READS} separate reads."
    )


def _advance(plan: Plan, data: bytes | None) -> Range | FormatReport:
    """Run a plan up to its next wish. StopIteration cannot cross a future, so it ends here."""
    try:
        return next(plan) if data is None else plan.send(data)
    except StopIteration as done:
        report: FormatReport = done.value
        return report
