"""A TCP proxy that can be shut, to stop a process in the middle of what it reads."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from local.processes.ports import HOST

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
    serving: set[asyncio.Task[None]] = set()

    async def serve(asked: asyncio.StreamReader, asker: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with suppress(OSError, asyncio.CancelledError):
            answers, answerer = await asyncio.open_connection(host, int(port))
            ways = (
                asyncio.create_task(_ask(asked, answerer)),
                asyncio.create_task(valve.answer(answers, asker)),
            )
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                answerer.close()
                asker.close()
        serving.discard(task)

    async with await asyncio.start_server(serve, HOST, 0) as server:
        valve.port = server.sockets[0].getsockname()[1]
        try:
            yield valve
        finally:
            server.close()
            for task in list(serving):
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
