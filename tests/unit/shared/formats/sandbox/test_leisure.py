"""While nobody waits, a cheap check needs no process, and a costly one is judged in the end."""

import pytest

from shared.formats.report import FormatError
from shared.formats.sandbox.limits import MIB, ProcessLimits
from shared.formats.sandbox.processes import (
    CheckProcesses,
    CheckProcessFailed,
    check_at_leisure,
)
from tests.support.headers import with_metadata
from tests.unit.shared.formats.files import MemoryReader

LIMITS = ProcessLimits(memory_bytes=128 * MIB, cpu_seconds=60)


async def test_a_small_header_needs_no_process() -> None:
    none = CheckProcesses(LIMITS, 1, module="no.such.module")
    report = await check_at_leisure("m.safetensors", MemoryReader.of(with_metadata(MIB)), none)
    assert report.format == "safetensors"
    with pytest.raises(CheckProcessFailed):
        await check_at_leisure("m.safetensors", MemoryReader.of(with_metadata(2 * MIB)), none)


async def test_a_file_that_costs_too_much_is_refused_with_the_limit() -> None:
    checks = CheckProcesses(ProcessLimits(64 * MIB, 60), 1)
    reader = MemoryReader.of(with_metadata(60 * MIB))
    with pytest.raises(FormatError) as caught:
        await check_at_leisure("m.safetensors", reader, checks)
    assert caught.value.code == "format_too_costly"
    assert "64 MiB of memory" in caught.value.reason
