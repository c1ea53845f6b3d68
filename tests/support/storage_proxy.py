"""An HTTP proxy between a client and storage that notes what passes, changes bytes, or goes silent.

Clients take it from `http_proxy`, so that what is signed, for storage's own name, stays as it is.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from local.processes.ports import HOST
from tests.support.accepting import BUFFER_BYTES, CHUNK_BYTES, accepting


@dataclass
class Answer:
    """One answer of storage to a GET."""

    path: str
    """As storage knows it: bucket and key."""
    first: int
    """Place in the object of its first byte."""
    size_bytes: int
    is_uncached: bool
    """The client asked for bytes from nowhere else than storage."""
    passed_bytes: int = 0

    @property
    def asked(self) -> range:
        """Places of the bytes that were asked for."""
        return range(self.first, self.first + self.size_bytes)


@dataclass
class StorageProxy:
    """What tests see of the proxy."""

    direct: Sequence[str]
    """host:port of what is not asked through here."""
    url: str = ""
    answers: list[Answer] = field(default_factory=list[Answer])
    flip_at: int = 0
    """Place in an object of a byte that arrives changed."""
    flips_left: int = 0
    """How often it still does."""
    budget_bytes: int | None = None
    """After so many bytes of bodies, no byte passes; connections stay open."""
    spent: asyncio.Event = field(default_factory=asyncio.Event)

    def environment(self) -> dict[str, str]:
        """Variables that lead a client's requests through here."""
        no_proxy = ",".join(self.direct)
        return {
            name: value
            for lower, value in (("http_proxy", self.url), ("no_proxy", no_proxy))
            for name in (lower, lower.upper())
        }

    async def pass_on(self, answer: Answer, data: bytes) -> bytes:
        """Return the next bytes of an answer as the client is to see them."""
        if self.budget_bytes is not None:
            if self.budget_bytes < len(data):
                self.spent.set()
                await asyncio.get_running_loop().create_future()
            self.budget_bytes -= len(data)
        place = self.flip_at - answer.first - answer.passed_bytes
        answer.passed_bytes += len(data)
        if self.flips_left and place in range(len(data)):
            self.flips_left -= 1
            return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        return data

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client's requests, one after the other."""
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, url, _ = head.split(" ", 2)
            split = urlsplit(url)
            origin, place = f"{split.scheme}://{split.netloc}", f"{split.path}?{split.query}"
            storage, to_storage = await asyncio.open_connection(
                split.hostname, split.port, limit=BUFFER_BYTES
            )
            try:
                asked = head.replace(f"{method} {origin}{split.path}", f"{method} {split.path}", 1)
                assert place in asked
                to_storage.write(asked.encode("latin-1"))
                await self._answer(split.path, head, storage, writer)
            finally:
                to_storage.close()

    async def _answer(
        self, path: str, asked: str, storage: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = (await storage.readuntil(b"\r\n\r\n")).decode("latin-1")
        size = re.search(r"(?i)^content-length: *(\d+)", head, re.MULTILINE)
        placed = re.search(r"(?i)^content-range: *bytes (\d+)-", head, re.MULTILINE)
        assert size is not None
        first = int(placed[1]) if placed else 0
        answer = Answer(path, first, int(size[1]), "no-cache" in asked.lower())
        self.answers.append(answer)
        writer.write(head.encode("latin-1"))
        left = answer.size_bytes
        while left:
            data = await storage.read(min(left, CHUNK_BYTES))
            if not data:
                raise ConnectionResetError
            left -= len(data)
            writer.write(await self.pass_on(answer, data))
            await writer.drain()


@asynccontextmanager
async def storage_proxy(direct: Sequence[str]) -> AsyncGenerator[StorageProxy]:
    """Listen on a port of its own."""
    proxy = StorageProxy(direct)
    async with accepting(proxy.serve) as port:
        proxy.url = f"http://{HOST}:{port}"
        yield proxy
