"""A TCP proxy that counts what passes: how many bytes a service answers, whatever they are."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from local.processes.ports import HOST

CHUNK = 64 * 1024


@dataclass
class Traffic:
    """What has passed so far."""

    url: str = ""
    asked_bytes: int = 0
    answered_bytes: int = 0

    async def ask(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Pass requests on."""
        while data := await source.read(CHUNK):
            self.asked_bytes += len(data)
            target.write(data)
            await target.drain()
        target.close()

    async def answer(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Pass answers on."""
        while data := await source.read(CHUNK):
            self.answered_bytes += len(data)
            target.write(data)
            await target.drain()
        target.close()


@asynccontextmanager
async def counted_before(port: int) -> AsyncGenerator[Traffic]:
    """Listen on a port of its own for connections to one of this machine."""
    traffic = Traffic()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            to_reader, to_writer = await asyncio.open_connection(HOST, port)
            await asyncio.gather(
                traffic.ask(reader, to_writer),
                traffic.answer(to_reader, writer),
                return_exceptions=True,
            )

    server = await asyncio.start_server(connect, HOST, 0)
    traffic.url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
    try:
        yield traffic
    finally:
        server.close()
