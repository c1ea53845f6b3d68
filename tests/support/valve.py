"""A TCP proxy that can be shut, to stop a process in the middle of what it reads."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from local.processes.ports import HOST
from shared.runtime.tasks import end

CHUNK = 64 * 1024


@dataclass
class Valve:
    """Passes on what it is sent; once shut, answers stop after their first bytes."""

    port: int = 0
    passes_bytes: int = 0
    """How many bytes of an answer still pass when the valve is shut."""
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once an answer is held back."""

    def shut(self, passes_bytes: int = 0) -> None:
        """Hold back each answer after so many bytes."""
        self.passes_bytes = passes_bytes
        self.waiting.clear()
        self.opened.clear()

    def open(self) -> None:
        """Pass everything on."""
        self.opened.set()

    async def answer(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Pass an answer on, or hold it back."""
        passed = 0
        while data := await source.read(CHUNK):
            if self.opened.is_set():
                passed = 0
            else:
                passed += len(data)
                if passed > self.passes_bytes:
                    self.waiting.set()
                    await self.opened.wait()
            target.write(data)
            await target.drain()


async def _ask(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        target.write(data)
        await target.drain()


@asynccontextmanager
async def valve_before(address: str) -> AsyncGenerator[Valve]:
    """Listen on a port of its own for connections to `address` (host:port)."""
    valve = Valve()
    valve.open()
    host, _, port = address.rpartition(":")
    serving = dict[asyncio.Task[None], asyncio.StreamWriter]()

    async def serve(asked: asyncio.StreamReader, asker: asyncio.StreamWriter) -> None:
        answers, answerer = await asyncio.open_connection(host, int(port))
        ways = (
            asyncio.create_task(_ask(asked, answerer)),
            asyncio.create_task(valve.answer(answers, asker)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(*ways)
            await _close(answerer)

    def accept(asked: asyncio.StreamReader, asker: asyncio.StreamWriter) -> None:
        # At once: what is accepted in the moment of the end is ended too.
        task = asyncio.create_task(serve(asked, asker))
        serving[task] = asker
        task.add_done_callback(lambda _: asker.close())

    async with await asyncio.start_server(accept, HOST, 0) as server:
        valve.port = server.sockets[0].getsockname()[1]
        try:
            yield valve
        finally:
            server.close()
            await end(*serving)
            await asyncio.gather(*map(_close, serving.values()))


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
