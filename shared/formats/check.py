"""Checks a file's format inside the indexer; costly checks go to `sandbox/`."""

import asyncio

from shared.domain.file_names import extension_of
from shared.formats.inventory import Inventory
from shared.formats.plan import (
    FULL,
    HEAD_BYTES,
    Budget,
    Candidate,
    Limits,
    advance,
    from_head,
)
from shared.formats.report import FormatReport, RangeReader
from shared.formats.table import plan_of


async def check_format(
    file_name: str,
    reader: RangeReader,
    limits: Limits = FULL,
    inventory: Inventory | None = None,
) -> FormatReport:
    """Verify the container format of a stored file by a few ranged reads.

    Its parsing runs in a worker thread, and tells the inventory each tensor. A report says that the
    container is whole and its header true, not that its content is harmless.

    Raises:
        FormatError: the file is empty, or not the format that it claims to be.
        TooCostly: nothing is known, since the check needs more than the limits.
        OSError: the reader failed, or gave less than the object's size promised.

    """
    candidate = await _candidate(file_name, reader, limits, inventory or Inventory())
    plan = plan_of(candidate)
    data: bytes | None = None
    while True:  # the budget bounds it
        step = await asyncio.to_thread(advance, plan, data)
        if isinstance(step, FormatReport):
            return step
        data = from_head(candidate, step)
        if data is None:
            data = await read_exactly(reader, step.offset, step.length)


async def _candidate(
    file_name: str, reader: RangeReader, limits: Limits, inventory: Inventory
) -> Candidate:
    """Read a file's head. Raises OSError."""
    size_bytes = reader.size_bytes
    head = await read_exactly(reader, 0, min(size_bytes, HEAD_BYTES)) if size_bytes else b""
    return Candidate(extension_of(file_name), size_bytes, head, Budget(limits), inventory)


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
