"""A connection whose client sends too much or too slowly is closed, and others are served."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from shared.runtime import connections
from shared.runtime.connections import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_WAITING,
    BoundedProtocol,
)

pytestmark = pytest.mark.usefixtures("socket_enabled")

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
FIXED = [(b"x-content-type-options", b"nosniff")]


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def status(self) -> int:
        """The status of the next answer, whose body is "ok" or nothing."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert b"x-content-type-options: nosniff" in head
        assert b"server:" not in head.lower()
        if b"content-length: 2" in head:
            assert await self._reader.readexactly(2) == b"ok"
        return int(head[9:12])

    async def is_closed(self) -> bool:
        """Whether the server closes without another answer; waits until it does something."""
        try:
            return await self._reader.read(1) == b""
        except ConnectionError:
            return True

    async def until_closed(self) -> bytes:
        """Return what the server still says, until it closes."""
        with contextlib.suppress(ConnectionError):
            return await self._reader.read()
        return b""

    def close(self) -> None:
        self._writer.close()


class Server:
    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: list[Client] = []

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self._port))
        self._clients.append(client)
        return client

    def close_all(self) -> None:
        for client in self._clients:
            client.close()


async def answer_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("ok")(scope, receive, send)


@asynccontextmanager
async def serving(app: ASGIApp = answer_at_once) -> AsyncGenerator[Server]:
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        timeout_keep_alive=3600,
    )
    config.load()
    state = ServerState()
    state.default_headers = FIXED
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: BoundedProtocol(config, state, {}), "127.0.0.1", 0)
    server = Server(listening.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        server.close_all()
        listening.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as opened:
        yield opened


async def test_requests_are_answered_one_after_the_other(server: Server) -> None:
    client = await server.connect()
    for _ in range(3):
        await client.send(GET)
        assert await client.status() == 200
    await client.send(GET * 3)
    assert [await client.status() for _ in range(3)] == [200] * 3


async def test_a_head_in_pieces_is_read(server: Server) -> None:
    client = await server.connect()
    for byte in GET:
        await client.send(bytes([byte]))
    assert await client.status() == 200


async def test_a_head_that_never_ends_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LEFTOVER_SECONDS", 0.0)
    client = await server.connect()
    await client.send(b"GET / HTTP/1.1\r\nx: ")
    with contextlib.suppress(ConnectionError):
        for _ in range(20 * MAX_HEAD_BYTES // 1024):
            await client.send(b"x" * 1024)
    await client.until_closed()


async def test_who_sends_a_head_that_is_too_long_gets_to_read_why(server: Server) -> None:
    client = await server.connect()
    await client.send(b"GET / HTTP/1.1\r\nx: ")
    for _ in range(20 * MAX_HEAD_BYTES // 1024):
        await client.send(b"x" * 1024)
    await client.send(b"\r\n\r\n")
    assert await client.status() == 431


async def test_too_many_headers_are_refused(server: Server) -> None:
    client = await server.connect()
    many = b"".join(b"x-%d: 1\r\n" % n for n in range(MAX_HEADERS))
    await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n" + many + b"\r\n")
    assert await client.status() == 400


async def test_requests_that_do_not_wait_for_their_answers_are_few(server: Server) -> None:
    """Each of them takes some kilobytes until its turn comes, and nothing else bounds them."""
    client = await server.connect()
    await client.send(GET * (MAX_WAITING + 1))
    for _ in range(MAX_WAITING + 1):
        assert await client.status() == 200
    last = GET.replace(b"host: a", b"connection: close")
    await client.send(GET * 1000 + last)
    answered = await client.until_closed()
    assert answered.count(b"HTTP/1.1 200") <= MAX_WAITING + 1
    assert b"HTTP/1.1 400" in answered


async def test_more_connections_than_there_is_room_for_are_closed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 2)
    first, second = await server.connect(), await server.connect()
    for client in (first, second):
        await client.send(GET)
        assert await client.status() == 200
    assert await (await server.connect()).is_closed()
    first.close()
    await second.send(GET)
    assert await second.status() == 200
    third = await server.connect()
    await third.send(GET)
    assert await third.status() == 200


async def test_a_connection_that_brings_nothing_is_closed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.0)
    assert await (await server.connect()).is_closed()


@pytest.mark.parametrize("piece", [b"GET / HT", b"GET / HTTP/1.1\r\nhost: a\r\n", b"\r\n"])
async def test_a_head_that_stops_arriving_is_given_up_also_after_an_answer(
    server: Server, monkeypatch: pytest.MonkeyPatch, piece: bytes
) -> None:
    client = await server.connect()
    await client.send(GET)
    assert await client.status() == 200
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.0)
    await client.send(piece)
    assert await client.is_closed()


@pytest.mark.parametrize(
    "framing", [b"content-length: 100\r\n\r\nx", b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n"]
)
async def test_a_body_that_never_ends_is_given_up_after_its_answer(
    server: Server, monkeypatch: pytest.MonkeyPatch, framing: bytes
) -> None:
    client = await server.connect()
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\n" + framing)
    assert await client.status() == 200
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.0)
    await client.send(b"1\r\nx\r\n")
    assert await client.is_closed()


async def test_a_client_that_reads_no_answer_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 0.0)
    ended = asyncio.Event()

    async def answer_much(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        for _ in range(64):
            await send({"type": "http.response.body", "body": b" " * (1 << 20), "more_body": True})
        await send({"type": "http.response.body"})
        ended.set()

    async with serving(answer_much) as server:
        client = await server.connect()
        await client.send(GET)
        async with asyncio.timeout(60):
            await ended.wait()


async def test_a_body_that_comes_after_its_answer_is_read_over(server: Server) -> None:
    client = await server.connect()
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n")
    assert await client.status() == 200
    await client.send(b"late")
    await client.send(GET)
    assert await client.status() == 200


async def test_a_client_that_waits_to_be_told_to_send_is_not_told_to_send_in_vain(
    server: Server,
) -> None:
    client = await server.connect()
    await client.send(
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n"
    )
    assert await client.status() == 200, "no 100 Continue before it: nobody reads the body"


async def test_a_request_to_go_over_to_websockets_is_answered_as_any_other(server: Server) -> None:
    client = await server.connect()
    upgrade = b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n"
    await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n" + upgrade + b"\r\n")
    assert await client.status() == 200
