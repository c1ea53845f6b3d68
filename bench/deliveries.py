"""(k) From the PUT's reply to whoever hears of it: by Kafka, by a stream, by a webhook."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from time import monotonic
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer

from bench.common import BenchmarkError, System, percentiles
from bench.latency import sent
from bench.report import Finding, Value
from bench.small_uploads import open_uploads
from bench.wire import open_pool
from tests.support.event_streams import EventReader, until_streams_begin

NAME = "deliveries"
RATE = 20
READY = "registry.version.ready.v1"
MODELS = 10
WARM_UP = 8
ARRIVAL_SECONDS = 60

Heard = Callable[[dict[str, Any]], None]
"""Is given each event."""


class Arrivals:
    """When each version was heard of, by one way."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    def hear(self, event: dict[str, Any]) -> None:
        """Take note of an event; the first of a version counts."""
        if event["type"] == READY:
            self.at.setdefault(event["data"]["version_id"], monotonic())


def run(system: System, *, quick: bool) -> Finding:
    """Upload at a fixed rate with all three listening."""
    uploads = 60 if quick else 1200
    system.fresh()
    system.start(
        *("ingest", "query", "indexer", "notifier"),
        WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8",
        WEBHOOK_ALLOW_HTTP="true",
    )
    ways, missing = uvloop.run(_measure(system, uploads))
    rows: list[dict[str, Value]] = [
        {
            "way": way,
            "n": len(values),
            "missing": missing[way],
            **percentiles(values),
            "max": max(values),
        }
        for way, values in ways.items()
        if len(values) > 1
    ]
    notes = [
        f"Milliseconds from the PUT's reply to the receiver, at {RATE} uploads a second, open loop;"
        f" {MODELS} models in turns.",
        "Kafka: a bare aiokafka consumer of the topic, the base of both others. All three listen to"
        " the same events at once, in the process that uploads.",
    ]
    return Finding(NAME, "(k) PUT's reply to receivers", rows, notes, dict(ways))


async def _measure(system: System, uploads: int) -> tuple[dict[str, list[float]], dict[str, int]]:
    ways = {"Kafka": Arrivals(), "stream": Arrivals(), "webhook": Arrivals()}
    replied: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_uploads(system))

        async def one(number: int) -> None:
            upload, at = await sent(opened, f"deliveries-{number % MODELS}")
            replied[upload.version_id] = at

        await stack.enter_async_context(_kafka(system, ways["Kafka"].hear))
        await stack.enter_async_context(_stream(system, ways["stream"].hear))
        await stack.enter_async_context(_webhook(system, ways["webhook"].hear))
        await asyncio.gather(*(one(number) for number in range(WARM_UP)))
        await _until_heard(ways, replied)
        replied.clear()
        begun = monotonic() + 0.1
        async with asyncio.TaskGroup() as group:
            for number in range(uploads):
                await asyncio.sleep(begun + number / RATE - monotonic())
                group.create_task(one(number))
        await _until_heard(ways, replied)
    found = {way: _waited(arrivals, replied) for way, arrivals in ways.items()}
    return found, {way: len(replied) - len(values) for way, values in found.items()}


def _waited(arrivals: Arrivals, replied: dict[str, float]) -> list[float]:
    """Milliseconds until each version was heard of, of those that were."""
    at = arrivals.at
    return [(at[each] - begun) * 1000 for each, begun in replied.items() if each in at]


async def _until_heard(ways: dict[str, Arrivals], replied: dict[str, float]) -> None:
    over = monotonic() + ARRIVAL_SECONDS
    while monotonic() < over:
        if all(replied.keys() <= arrivals.at.keys() for arrivals in ways.values()):
            return
        await asyncio.sleep(0.05)


@asynccontextmanager
async def _kafka(system: System, hear: Heard) -> AsyncGenerator[None]:
    settings = system.settings
    consumer: Any = AIOKafkaConsumer(
        settings.kafka_model_events_topic, bootstrap_servers=settings.kafka_bootstrap_servers
    )
    await consumer.start()

    async def listen() -> None:
        async for record in consumer:
            hear(json.loads(record.value))

    try:
        async with _running(listen()):
            yield
    finally:
        await consumer.stop()


@asynccontextmanager
async def _stream(system: System, hear: Heard) -> AsyncGenerator[None]:
    url = system.settings.query_url
    await until_streams_begin(url)
    async with EventReader.at(url, system.bearer) as reader:

        async def listen() -> None:
            async for each in reader.events():
                if each.type == "end":
                    raise BenchmarkError(f"the stream ended: {each.data}")
                hear(each.data)
            raise BenchmarkError("the stream broke off")

        async with _running(listen()):
            yield


@asynccontextmanager
async def _webhook(system: System, hear: Heard) -> AsyncGenerator[None]:
    connections: list[asyncio.StreamWriter] = []
    receive = partial(_receive, hear, connections)
    server = await asyncio.start_server(receive, "127.0.0.1", 0, limit=1 << 20)
    port: int = server.sockets[0].getsockname()[1]
    request = {"url": f"http://127.0.0.1:{port}/hook", "models": ["*"], "types": [READY]}
    async with open_pool(system.address("ingest"), system.bearer) as ingest:
        await ingest.request(
            "POST",
            "/v1/webhooks",
            json.dumps(request).encode(),
            {"content-type": "application/json"},
            expected=201,
        )
    try:
        yield
    finally:
        server.close()
        for each in connections:
            each.close()
        await asyncio.sleep(0.1)  # until those who read them are told


async def _receive(
    hear: Heard,
    connections: list[asyncio.StreamWriter],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Answer each request of one connection 204."""
    connections.append(writer)
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            hear(json.loads(await reader.readexactly(length)))
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


@asynccontextmanager
async def _running(listening: Awaitable[None]) -> AsyncGenerator[None]:
    task = asyncio.ensure_future(listening)
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
