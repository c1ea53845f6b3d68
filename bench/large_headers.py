"""(h) An ordinary upload's time to ready while files with headers of 90 MB are checked."""

import asyncio
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from time import monotonic

import uvloop

from bench.common import System, percentiles
from bench.latency import sent, until_ready
from bench.memory import peak_mib, resident_mib
from bench.report import Finding, Value
from bench.small_uploads import Uploads, open_uploads
from bench.wire import Pool, open_pool
from registry.aio import AsyncModelRegistryClient
from registry.schemas import Version

NAME = "large-headers"
PAUSE_SECONDS = 0.2
"""Between two ordinary uploads: they come one by one, as from a few jobs."""
MEMBER = b'"%s":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}'


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    tensors: int
    header_bytes: int
    large: int
    usual: int


@dataclass
class Memory:
    """The most memory that the indexer and its processes held, in MiB."""

    indexer: float = 0.0
    process: float = 0.0
    together: float = 0.0


def run(system: System, *, quick: bool) -> Finding:
    """Measure ordinary uploads alone, and then while the large ones are checked."""
    plan = Plan(90_000, 9_000_000, 2, 10) if quick else Plan(900_000, 90_000_000, 4, 60)
    system.fresh()
    system.start("ingest", "query", "indexer")
    file = system.root / "large.safetensors"
    file.write_bytes(b"".join(_file(plan)))
    try:
        rows = uvloop.run(_measure(system, plan, file))
    finally:
        system.stop("indexer")
        file.unlink()
    notes = [
        f"{plan.large} safetensors files, each with {plan.tensors:,} tensors in a header of "
        f"{plan.header_bytes / 1e6:g} MB, uploaded together; milliseconds of ordinary uploads "
        "from the PUT's reply, one by one: before the large ones come, while they are checked, and "
        "after they are ready.",
        "Goal: an ordinary upload takes at most twice its usual time (p50).",
    ]
    return Finding(NAME, "(h) Beside large headers", rows, notes)


def _file(plan: Plan) -> Iterator[bytes]:
    """A good file of tensors of one byte, its header as long as is wanted by their names."""
    width = (plan.header_bytes - len(b"{}")) // plan.tensors - 1 - len(MEMBER % (b"", 10**6, 10**6))
    members = (
        MEMBER % (b"%0*d" % (width, index), index, index + 1) for index in range(plan.tensors)
    )
    header = (b"{" + b",".join(members) + b"}").ljust(plan.header_bytes)
    yield struct.pack("<Q", len(header))
    yield header
    yield bytes(plan.tensors)


async def _measure(system: System, plan: Plan, file: Path) -> list[dict[str, Value]]:
    async with (
        open_uploads(system) as uploads,
        open_pool(system.address("query"), system.bearer) as query,
    ):
        for number in range(8):  # warm up
            await _ordinary(uploads, query, number)
        usual = [await _ordinary(uploads, query, number) for number in range(plan.usual)]
        memory = Memory()
        watching = asyncio.create_task(_watch(system.pid("indexer"), memory))
        begun = monotonic()
        async with AsyncModelRegistryClient(
            system.settings.ingest_url, **system.client_options
        ) as client:
            large = await _store(client, plan, file)
            checking = asyncio.create_task(_until_all_are_ready(client, large))
            beside: list[float] = []
            while not checking.done() or len(beside) < 2:
                beside.append(await _ordinary(uploads, query, len(beside)))
            await checking
        seconds = monotonic() - begun
        watching.cancel()
        usual += [await _ordinary(uploads, query, number) for number in range(plan.usual)]
    return [
        {"what": "ordinary, alone", "n": len(usual), **_times(usual)},
        {"what": "ordinary, beside large", "n": len(beside), **_times(beside)},
        {"what": "until all large are ready", "n": plan.large, "max": seconds * 1000},
        {"what": "indexer's peak, MiB", "n": 1, "max": memory.indexer},
        {"what": "one check's peak, MiB", "n": 1, "max": memory.process},
        {"what": "all together, MiB", "n": 1, "max": memory.together},
    ]


def _times(values: list[float]) -> dict[str, Value]:
    found = percentiles(values)
    return {"min": min(values), "p50": found["p50"], "p90": found["p90"], "max": max(values)}


async def _ordinary(uploads: Uploads, query: Pool, number: int) -> float:
    opened, replied = await sent(uploads, f"ordinary-{number % 10}")
    milliseconds = (await until_ready(query, opened) - replied) * 1000
    await asyncio.sleep(PAUSE_SECONDS)
    return milliseconds


async def _store(client: AsyncModelRegistryClient, plan: Plan, file: Path) -> list[Version]:
    """Upload the large files; return when their bytes are stored."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(
                client.upload(f"large-{number}", file, idempotency_key=token_hex(16), wait=False)
            )
            for number in range(plan.large)
        ]
    return [task.result() for task in tasks]


async def _until_all_are_ready(client: AsyncModelRegistryClient, large: list[Version]) -> None:
    for version in large:
        await client.wait_until_ready(version)


async def _watch(indexer: int, memory: Memory) -> None:
    """Look at the indexer and its children until cancelled; Linux only."""
    while True:
        memory.indexer = peak_mib(indexer)
        now = [_resident(pid) for pid in _children(indexer)]
        memory.process = max([memory.process, *now])
        memory.together = max(memory.together, sum(now) + _resident(indexer))
        await asyncio.sleep(0.1)


def _children(parent: int) -> list[int]:
    found: list[int] = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text(errors="replace")
        except OSError:
            continue  # it has ended meanwhile
        if int(text.rpartition(")")[2].split()[1]) == parent:
            found.append(int(status.parent.name))
    return found


def _resident(pid: int) -> float:
    try:
        return resident_mib(pid)
    except OSError:
        return 0.0  # it has ended meanwhile
