"""HTTP/1.1 with as little work as possible, so that the load generator is not what is measured."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple, Self

from bench.common import BenchmarkError

EMPTY: Mapping[str, str] = {}


class Answer(NamedTuple):
    """Status and body."""

    status: int
    body: bytes


class Connection:
    """One connection that is kept open; one request at a time."""

    def __init__(
        self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._host, self._reader, self._writer = host, reader, writer

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connect."""
        return cls(f"{host}:{port}", *await asyncio.open_connection(host, port))

    def close(self) -> None:
        """Disconnect."""
        self._writer.close()

    @property
    def is_closed(self) -> bool:
        """Whether the server has closed it, as servers do with idle ones."""
        return self._reader.at_eof()

    async def request(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] = EMPTY,
    ) -> Answer:
        """Send a request and return the answer, which must state its length."""
        sent = {"host": self._host, "content-length": str(len(body)), **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        self._writer.write(f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        return Answer(status, await self._reader.readexactly(_length(head)))


def _length(head: bytes) -> int:
    lower = head.lower()
    found = lower.find(b"\r\ncontent-length:")
    if found < 0:
        raise BenchmarkError(f"an answer without a length: {head[:60]!r}")
    return int(lower[found + 17 : lower.index(b"\r\n", found + 2)])


class Pool:
    """Connections to one address, opened as they are needed; `headers` go with each request."""

    def __init__(self, address: tuple[str, int], headers: Mapping[str, str]) -> None:
        self._address, self._headers = address, headers
        self._idle: list[Connection] = []

    async def request(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] = EMPTY,
        expected: int = 200,
    ) -> bytes:
        """Return the body of the answer; raises BenchmarkError for another status."""
        connection = await self._take()
        answer = await connection.request(method, target, body, {**self._headers, **headers})
        self._idle.append(connection)
        if answer.status != expected:
            raise BenchmarkError(f"{method} {target[:80]}: {answer.status} {answer.body[:300]!r}")
        return answer.body

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed:
                return connection
            connection.close()
        return await Connection.open(*self._address)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._idle:
            connection.close()


@asynccontextmanager
async def open_pool(
    address: tuple[str, int], headers: Mapping[str, str] = EMPTY
) -> AsyncGenerator[Pool]:
    """Open a pool and close its connections at the end."""
    pool = Pool(address, headers)
    try:
        yield pool
    finally:
        pool.close()
