"""Streams of events in tests: a query on a port, records put on its topic, and readers by hand."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import httpx
import uvicorn
from aiokafka import AIOKafkaProducer

from services.query.app import create_app
from shared.runtime.connections import BoundedProtocol
from shared.runtime.settings import Settings
from tests.support.eventually import eventually

SOURCE = "/model-registry"
WAIT_SECONDS = 60.0


def event_of(
    model: str,
    sequence: int,
    kind: str = "registry.version.ready.v1",
    *,
    source: str = SOURCE,
    alias: str | None = None,
    filling: int = 0,
) -> bytes:
    """An event as the relay publishes it; with an alias, of its move."""
    data: dict[str, Any] = {
        "model": model,
        "number": 1,
        "version_id": f"{model}-id",
        "state": "ready",
        "storage_group": "models",
        "label": "x" * filling,
    }
    if alias is not None:
        data["alias"] = {"name": alias, "revision": 1, "by": "token:t"}
    told = {
        "specversion": "1.0",
        "id": f"{model}-{sequence}",
        "source": source,
        "type": kind,
        "subject": f"{model}/1",
        "time": "2026-01-01T00:00:00Z",
        "sequence": sequence,
        "data": data,
    }
    return json.dumps(told).encode()


@asynccontextmanager
async def producing(settings: Settings) -> AsyncGenerator[Any]:
    """Have a producer for the topic of model events; it batches what is sent together."""
    producer: Any = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def put(producer: Any, settings: Settings, values: Sequence[bytes]) -> None:
    """Put events on the topic, confirmed, each model's in order."""
    topic = settings.kafka_model_events_topic
    sent = [
        await producer.send(topic, value, key=json.loads(value)["data"]["model"].encode())
        for value in values
    ]
    await asyncio.gather(*sent)


@dataclass(frozen=True, slots=True)
class Sent:
    """An event as a reader got it."""

    id: str
    type: str
    data: dict[str, Any]

    @property
    def key(self) -> tuple[str, int]:
        """Model and sequence number."""
        return self.data["data"]["model"], self.data["sequence"]


class Refused(Exception):
    """The answer was no stream."""

    def __init__(self, status: int, problem: dict[str, Any], headers: dict[str, str]) -> None:
        super().__init__(f"{status}: {problem}")
        self.status, self.problem, self.headers = status, problem, headers


@dataclass
class EventReader:
    """A stream that is read as the specification of Server-Sent Events says."""

    stream: asyncio.StreamReader
    writer: asyncio.StreamWriter
    last_id: str = ""
    heartbeats: int = 0
    text: list[str] = field(default_factory=list[str])

    @classmethod
    @asynccontextmanager
    async def at(
        cls,
        url: str,
        headers: Mapping[str, str],
        *,
        last_event_id: str | None = None,
        start: str = "now",
        by_parameter: bool = False,
        read_bytes: int = 1 << 16,
        **params: str | list[str],
    ) -> AsyncGenerator[Self]:
        """Open a stream, and close its connection at the end; raises Refused."""
        address = urlsplit(url)
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, read_bytes)
        plain.setblocking(False)
        assert address.hostname is not None
        await asyncio.get_running_loop().sock_connect(plain, (address.hostname, address.port or 80))
        stream, writer = await asyncio.open_connection(sock=plain, limit=read_bytes)
        try:
            sent = dict(headers)
            if by_parameter and last_event_id is not None:
                params["last_event_id"] = last_event_id
            elif last_event_id is not None:
                sent["Last-Event-ID"] = last_event_id
            query = urlencode({**params, "from": start}, doseq=True)
            lines = [f"GET /v1/events?{query} HTTP/1.1", "Host: query"]
            lines += [f"{name}: {value}" for name, value in sent.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            reader = cls(stream, writer)
            await reader._begin()
            yield reader
        finally:
            writer.transport.abort()

    async def _begin(self) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            head = (await self.stream.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            status = int(head[0].split()[1])
            headers = {
                name.lower(): value
                for name, _, value in (line.partition(": ") for line in head[1:] if line)
            }
            if status != 200:
                body = await self.stream.readexactly(int(headers["content-length"]))
                raise Refused(status, json.loads(body), headers)
        assert headers["content-type"].startswith("text/event-stream")

    async def lines(self) -> AsyncGenerator[str]:
        """Yield the lines of the body, out of its chunks, until it ends."""
        rest = b""
        while True:
            size = int((await self.stream.readline()).strip() or b"0", 16)
            if size == 0:
                return
            rest += await self.stream.readexactly(size)
            await self.stream.readexactly(2)
            *whole, rest = rest.split(b"\n")
            for line in whole:
                yield line.decode()

    async def events(self) -> AsyncGenerator[Sent]:
        """Yield events until the stream ends."""
        kind, data, identity = "", "", self.last_id
        async for line in self.lines():
            if line.startswith(":"):
                self.heartbeats += line == ": heartbeat"
            elif not line:
                self.last_id = identity
                if data:
                    yield Sent(identity, kind or "message", json.loads(data))
                kind, data = "", ""
            else:
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    data = value
                elif name == "id":
                    identity = value

    async def take(self, count: int) -> list[Sent]:
        """Return so many events; raises TimeoutError where they do not come."""
        found: list[Sent] = []
        async with asyncio.timeout(WAIT_SECONDS):
            async for event in self.events():
                found.append(event)
                if len(found) == count:
                    return found
        raise AssertionError(f"the stream ended after {found}")

    async def rest(self) -> list[Sent]:
        """Return all events until the stream ends."""
        async with asyncio.timeout(WAIT_SECONDS):
            return [event async for event in self.events()]


@asynccontextmanager
async def serving_query(
    settings: Settings, *, has_kafka: bool = True
) -> AsyncGenerator[tuple[str, uvicorn.Server]]:
    """Serve query in this process, and yield its address once its streams can begin."""
    config = uvicorn.Config(
        create_app(settings),
        host="127.0.0.1",
        port=0,
        log_config=None,
        http=BoundedProtocol,
        ws="none",
        timeout_graceful_shutdown=10,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())  # pyright: ignore[reportPrivateUsage]
    try:

        async def port() -> int | None:
            if not server.started:
                return None
            found: int = server.servers[0].sockets[0].getsockname()[1]
            return found

        url = f"http://127.0.0.1:{await eventually(port)}"
        if has_kafka:
            await until_streams_begin(url)
        yield url, server
    finally:
        server.should_exit = True
        await running


async def until_streams_begin(url: str) -> None:
    """Return once a query can begin streams."""
    async with httpx.AsyncClient(trust_env=False) as http:

        async def can_begin() -> bool | None:
            return (await http.get(f"{url}/health/events")).status_code == 200 or None

        await eventually(can_begin)
