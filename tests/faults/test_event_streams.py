"""Many readers of one process, one of them stalled, while Kafka is killed: each event comes once.

The short form has 100 readers. EVENT_STREAM_READERS=1000 is the long form; both print figures.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import quantiles
from time import monotonic
from typing import Any

import pytest

from local.processes.ports import HOST, choose_port
from tests.faults.harness.outages import Servers
from tests.faults.harness.running_registry import Harness, running_registry
from tests.faults.harness.waiting import until_true
from tests.support.access import BEARER
from tests.support.event_streams import (
    EventReader,
    Refused,
    event_of,
    producing,
    put,
    until_streams_begin,
)

pytestmark = pytest.mark.servers

READERS = int(os.environ.get("EVENT_STREAM_READERS", "40"))
HALF = int(os.environ.get("EVENT_STREAM_EVENTS", "100"))
"""Events before Kafka is killed; and as many after it is back."""
MODELS = 10
FILLING = 1000
WAIT_SECONDS = 60 + READERS / 5
SHARED_MIB = 100
"""What the process may take beside that of each reader: the newest events, Kafka's buffers."""
EACH_KIB = 150
"""What a reader may take: its connection, the server's buffer of 64 KiB, tasks."""


@pytest.fixture
async def registry(servers: Servers, tmp_path: Path) -> AsyncIterator[Harness]:
    port = str(choose_port("query", "free", None))
    async with running_registry(servers, tmp_path, QUERY_PORT=port) as harness:
        yield harness


@dataclass
class Audience:
    """What all readers have had."""

    url: str
    expected: int
    sent_at: dict[tuple[str, int], float] = field(default_factory=dict[tuple[str, int], float])
    seconds: list[float] = field(default_factory=list[float])
    complete: int = 0
    connections: int = 0

    async def read(self, begun: asyncio.Semaphore) -> None:
        """Read until all events have come, each once, over as many connections as it takes."""
        had: Counter[tuple[str, int]] = Counter()
        last: str | None = None
        while len(had) < self.expected:
            with suppress(Refused, OSError, asyncio.IncompleteReadError):
                async with EventReader.at(self.url, BEARER, last_event_id=last) as reader:
                    self.connections += 1
                    async with aclosing(reader.events()) as events:
                        if last is None:
                            begun.release()
                        async for event in events:
                            last = event.id
                            if event.type == "end":
                                break
                            had[event.key] += 1
                            self.seconds.append(monotonic() - self.sent_at[event.key])
                            if len(had) == self.expected:
                                break
        assert set(had.values()) == {1}, had.most_common(3)
        self.complete += 1

    async def put(self, producer: Any, settings: Any, first: int) -> None:
        """Put a half of the events, some at a time, as they come in life."""
        for number in range(first, first + HALF // MODELS):
            values = [event_of(f"m{n}", number, filling=FILLING) for n in range(MODELS)]
            self.sent_at |= {(f"m{n}", number): monotonic() for n in range(MODELS)}
            await put(producer, settings, values)


def resident_mib(pid: int) -> float:
    """What a process has in memory now."""
    told = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    [line] = [line for line in told.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


async def test_each_reader_gets_each_event_once_though_one_stalls_and_kafka_is_killed(
    registry: Harness, servers: Servers
) -> None:
    query = await registry.start("query")
    settings = registry.settings
    url = f"http://{HOST}:{settings.query_port}"
    await until_streams_begin(url)
    audience = Audience(url, 2 * HALF)
    before, begun = resident_mib(query.pid), asyncio.Semaphore(0)
    async with (
        asyncio.TaskGroup() as group,
        EventReader.at(url, BEARER, read_bytes=4096) as stalled,
    ):
        for _ in range(READERS):
            group.create_task(audience.read(begun))
        for _ in range(READERS):
            await begun.acquire()
        opened = resident_mib(query.pid)
        async with producing(settings) as producer:
            await audience.put(producer, settings, 1)
        await until_true("the first half is there", partial(_is_half_read, audience), 120)
        async with servers.killed("kafka"):
            await query.ready()  # lookups need no Kafka
        async with producing(settings) as producer:
            await audience.put(producer, settings, 1 + HALF // MODELS)
        await until_true("all is there", partial(_is_read, audience), WAIT_SECONDS)
        after = resident_mib(query.pid)
        got = [event.key for event in await stalled.take(2 * HALF)]
        assert len(set(got)) == 2 * HALF
    cuts = quantiles(audience.seconds, n=100)
    print(  # noqa: T201 - the figures that the long form is run for
        f"{READERS} readers, {len(audience.seconds)} events in all, {audience.connections}"
        f" connections; p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms;"
        f" MiB: {before:.0f} before, {opened:.0f} with all readers, {after:.0f} at the end"
    )
    assert after - before < SHARED_MIB + READERS * EACH_KIB / 1024


async def _is_half_read(audience: Audience) -> bool:
    return len(audience.seconds) >= READERS * HALF


async def _is_read(audience: Audience) -> bool:
    return audience.complete == READERS
