"""A TCP proxy that counts what passes: how many bytes a service answers, whatever they are."""

from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from local.processes.ports import HOST
from tests.support.accepting import CHUNK_BYTES, passing_on


@dataclass
class Traffic:
    """What has passed so far."""

    url: str = ""
    asked_bytes: int = 0
    answered_bytes: int = 0

    async def ask(self, source: StreamReader, target: StreamWriter) -> None:
        """Pass requests on."""
        while data := await source.read(CHUNK_BYTES):
            self.asked_bytes += len(data)
            target.write(data)
            await target.drain()

    async def answer(self, source: StreamReader, target: StreamWriter) -> None:
        """Pass answers on."""
        while data := await source.read(CHUNK_BYTES):
            self.answered_bytes += len(data)
            target.write(data)
            await target.drain()


@asynccontextmanager
async def counted_before(port: int) -> AsyncGenerator[Traffic]:
    """Listen on a port of its own for connections to one of this machine."""
    traffic = Traffic()
    async with passing_on(HOST, port, traffic.ask, traffic.answer) as own:
        traffic.url = f"http://{HOST}:{own}"
        yield traffic
