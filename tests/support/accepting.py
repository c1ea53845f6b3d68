"""A TCP server of a test, which leaves no connection and no task behind when it ends."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from local.processes.ports import HOST
from shared.runtime.tasks import end

BUFFER_BYTES = 64 * 1024
"""What a reader holds, at most; also the limit of what `readuntil` finds."""
CHUNK_BYTES = 64 * 1024

Serve = Callable[[StreamReader, StreamWriter], Coroutine[Any, Any, None]]
Move = Serve
"""Writes to one side all that comes from the other, until that ends."""


@asynccontextmanager
async def accepting(serve: Serve) -> AsyncGenerator[int]:
    """Serve each connection to a port of this machine, and yield the port.

    A connection is closed when `serve` returns. That it breaks is no error; any other error of
    `serve` is raised at the end.
    """
    serving = dict[asyncio.Task[None], StreamWriter]()
    failures: list[BaseException] = []

    async def connect(reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await serve(reader, writer)

    def accept(reader: StreamReader, writer: StreamWriter) -> None:
        # At once: what is accepted in the moment of the end is ended too, though it never began.
        task = asyncio.create_task(connect(reader, writer))
        serving[task] = writer
        task.add_done_callback(leave)

    def leave(task: asyncio.Task[None]) -> None:
        serving.pop(task).close()
        if not task.cancelled() and (error := task.exception()) is not None:
            failures.append(error)

    async with await asyncio.start_server(accept, HOST, 0, limit=BUFFER_BYTES) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            left = dict(serving)
            await end(*left)
            for writer in left.values():
                writer.transport.abort()  # not closed: a client may read no more of what is left
            await asyncio.gather(
                *(writer.wait_closed() for writer in left.values()), return_exceptions=True
            )
    if failures:
        raise failures[0]


@asynccontextmanager
async def passing_on(host: str, port: int, ask: Move, answer: Move) -> AsyncGenerator[int]:
    """Accept connections and lead each on to a server; a connection ends once one side did."""

    async def serve(asked: StreamReader, asker: StreamWriter) -> None:
        answers, answerer = await asyncio.open_connection(host, port)
        ways = (
            asyncio.create_task(ask(asked, answerer)),
            asyncio.create_task(answer(answers, asker)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answerer.close()  # first: waiting can be cancelled
            await end(*ways)

    async with accepting(serve) as own:
        yield own


async def move(source: StreamReader, target: StreamWriter) -> None:
    """Pass everything on."""
    while data := await source.read(CHUNK_BYTES):
        target.write(data)
        await target.drain()
