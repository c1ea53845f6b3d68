"""A body without end, as a hostile server sends it."""

from collections.abc import AsyncIterator

import httpx

CHUNK = b" " * (1 << 20)


class Endless(httpx.AsyncByteStream):
    """A body that goes on for as long as it is read."""

    def __init__(self) -> None:
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.sent += len(CHUNK)
            yield CHUNK
