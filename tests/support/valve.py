"""A TCP proxy that can be shut, to stop a process in the middle of what it reads."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support.accepting import CHUNK_BYTES, move, passing_on


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

    async def answer(self, source: StreamReader, target: StreamWriter) -> None:
        """Pass an answer on, or hold it back."""
        passed = 0
        while data := await source.read(CHUNK_BYTES):
            if self.opened.is_set():
                passed = 0
            else:
                passed += len(data)
                if passed > self.passes_bytes:
                    self.waiting.set()
                    await self.opened.wait()
            target.write(data)
            await target.drain()


@asynccontextmanager
async def valve_before(address: str) -> AsyncGenerator[Valve]:
    """Listen on a port of its own for connections to `address` (host:port)."""
    valve = Valve()
    valve.open()
    host, _, port = address.rpartition(":")
    async with passing_on(host, int(port), move, valve.answer) as valve.port:
        yield valve
