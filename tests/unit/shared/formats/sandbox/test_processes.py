"""A check in a process of its own has limits, ends with who waits for it, and tells one answer."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from shared.formats.check import check_format
from shared.formats.costs import TooCostly
from shared.formats.report import FormatError
from shared.formats.sandbox import processes as module
from shared.formats.sandbox.limits import MIB, ProcessLimits
from shared.formats.sandbox.messages import Order, encode_order
from shared.formats.sandbox.processes import CheckProcesses, CheckProcessFailed
from tests.support.eventually import eventually
from tests.support.headers import safetensors_of, with_a_gap, with_metadata, with_tensors
from tests.unit.shared.formats.files import MemoryReader, gguf_file, zip_of

HOSTILE = "tests.support.hostile_check"
LIMITS = ProcessLimits(memory_bytes=128 * MIB, cpu_seconds=1)
AMPLE = ProcessLimits(memory_bytes=128 * MIB, cpu_seconds=60)
"""For what is to end by itself, on a slow machine too."""
FILE = MemoryReader(10_000_000, {})

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(autouse=True)
def nothing_left() -> Any:
    """Whatever happens in a test, no process is left behind, alive or as a zombie."""
    before = children()
    yield
    assert children() == before


def children() -> set[int]:
    """Processes that this one started and that are not reaped."""
    found: set[int] = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # it has ended meanwhile
        _, parent = text.rpartition(")")[2].split()[:2]
        if int(parent) == os.getpid():
            found.add(int(status.parent.name))
    return found


@dataclass
class Stuck(MemoryReader):
    """Never gives more than the head, and tells when more is wanted."""

    wanted: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, offset: int, length: int) -> bytes:
        if offset > 0:
            self.wanted.set()
            await asyncio.Event().wait()
        return await super().read(offset, length)


@dataclass
class Noting(MemoryReader):
    """Gives what is wanted, and tells when that is more than the head."""

    wanted: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, offset: int, length: int) -> bytes:
        if offset > 0:
            self.wanted.set()
        return await super().read(offset, length)


async def hostile(how: str, reader: MemoryReader = FILE, *, limits: ProcessLimits = LIMITS) -> Any:
    return await CheckProcesses(limits, 1, module=HOSTILE).check(f"model.{how}", reader)


GOOD = {
    "m.safetensors": save({"a": np.ones((2, 3), np.float32)}, metadata={"note": 'ü "quoted"'}),
    "long.safetensors": with_metadata(3 * MIB),
    "many.safetensors": with_tensors(50_000),
    "m.gguf": gguf_file(),
    "m.zip": zip_of({"aa": b"1", "plain": b"2"}).replace(b"aa", b"\x81\x82"),
    "m.pt": zip_of({"archive/data.pkl": b"N."}),
    "m.pkl": b"\x80\x04N.",
    "m.txt": b"words",
}
BROKEN = {
    "m.safetensors": b"",
    "gap.safetensors": with_a_gap(50_000),
    "text.safetensors": safetensors_of(b'{"\xff":{}}'),
    "deep.safetensors": safetensors_of(b'{"a":{"b":' + b"[" * 9999 + b"]" * 9999 + b"}}"),
    "m.onnx": b"\x08\x07",
    "m.h5": bytes(9000),
    "m.zip": zip_of({"a": b"1"}).replace(b"a", b"/"),
}


@pytest.mark.parametrize("name", GOOD)
async def test_a_good_file_gets_the_report_that_it_gets_in_the_indexer(name: str) -> None:
    reader = MemoryReader.of(GOOD[name])
    found = await CheckProcesses(AMPLE, 1).check(name, reader)
    assert found == await check_format(name, reader)


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_file_gets_the_reason_that_it_gets_in_the_indexer(name: str) -> None:
    reader = MemoryReader.of(BROKEN[name])
    with pytest.raises(FormatError) as expected:
        await check_format(name, reader)
    with pytest.raises(FormatError) as found:
        await CheckProcesses(AMPLE, 1).check(name, reader)
    assert (found.value.code, found.value.reason) == (expected.value.code, expected.value.reason)


@pytest.mark.parametrize(
    ("how", "limit"),
    [
        ("memory", "128 MiB of memory"),
        ("large_piece", "128 MiB of memory"),
        ("endless", "1 s of processor time"),
        ("steps", "1000 steps"),
        ("reads", "10 separate reads"),
    ],
)
async def test_beyond_a_limit_the_check_is_too_costly(how: str, limit: str) -> None:
    with pytest.raises(TooCostly) as caught:
        await hostile(how)
    assert caught.value.limit == limit


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("killed", "ended with -9"),
        ("defect", "KeyError: 'a defect of ours'"),
        ("outside", "wished for"),
        ("long_range", "wished for"),
        ("chatty", "something odd"),
        ("babble", "something odd"),
    ],
)
async def test_a_process_that_ends_otherwise_says_nothing_about_the_file(
    how: str, told: str
) -> None:
    with pytest.raises(CheckProcessFailed, match=told):
        await hostile(how)


async def test_a_process_knows_no_credentials_and_can_open_nothing() -> None:
    report = await hostile("confined")
    assert report.details == {
        "file": "OSError",
        "connection": "OSError",
        "variables": "",
        "nice": 10 + os.nice(0),
    }


async def test_it_is_killed_where_the_check_is_cancelled() -> None:
    reader = Stuck(FILE.size_bytes, {})
    checking = asyncio.create_task(hostile("reading", reader))
    await reader.wanted.wait()
    assert len(children()) == 1
    checking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await checking
    assert children() == set()


async def test_it_is_killed_in_the_middle_of_its_work_too() -> None:
    reader = Noting(FILE.size_bytes, {})
    checking = asyncio.create_task(hostile("endless_later", reader, limits=AMPLE))
    await reader.wanted.wait()
    [process] = children()
    before = _cpu_ticks(process)

    async def computes() -> bool | None:  # it does not wait for its pipe any more
        return _cpu_ticks(process) > before + 1 or None

    await eventually(computes)
    checking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await checking
    assert children() == set()


def _cpu_ticks(process: int) -> int:
    text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    return int(text.rpartition(")")[2].split()[11])


async def test_it_is_killed_when_its_time_is_over_which_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_SECONDS", 0.5)
    with pytest.raises(CheckProcessFailed, match=r"no answer in 0\.5 s"):
        await hostile("reading", Stuck(FILE.size_bytes, {}))


async def test_an_error_of_storage_comes_out_as_it_is() -> None:
    class Away(MemoryReader):
        async def read(self, offset: int, length: int) -> bytes:
            raise OSError("storage is away")

    with pytest.raises(OSError, match="storage is away"):
        await hostile("reading", Away(100, {}))


def test_a_process_ends_with_the_indexer() -> None:
    orphan = subprocess.Popen(
        [sys.executable, "-m", module.MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    order = encode_order(Order(".zip", 10_000, LIMITS.memory_bytes, LIMITS.cpu_seconds))
    told, _ = orphan.communicate(order, timeout=60)  # and no answer to its first wish
    assert told == b'{"read": [0, 4096]}\n'
    assert orphan.returncode == 1


async def test_no_more_than_so_many_run_at_once() -> None:
    checks = CheckProcesses(LIMITS, 2, module=HOSTILE)
    readers = [Stuck(FILE.size_bytes, {}) for _ in range(4)]
    running = [asyncio.create_task(checks.check("m.reading", reader)) for reader in readers]
    try:
        for reader in readers[:2]:
            await reader.wanted.wait()
        assert len(children()) == 2
        running[0].cancel()
        await readers[2].wanted.wait()
        assert len(children()) == 2
        assert not readers[3].wanted.is_set()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
