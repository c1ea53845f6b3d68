"""Whose turn it is at what takes much memory: a few at once, and few who wait."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from shared.domain.errors import TooManyRequests

AT_ONCE: Final = 2
"""Bounds the memory of those under way."""
MOST_WAITING: Final = 16
"""Each may wait for as long as the slowest ones before it take."""


class Turns:
    """The turns of one process at one kind of work, named in the plural: `comparisons`."""

    def __init__(self, work: str, *, most_waiting: int = MOST_WAITING) -> None:
        self._work = work
        self._most = AT_ONCE + most_waiting
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._under_way = 0

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for a turn, and have it inside the block; raises TooManyRequests."""
        if self._under_way >= self._most:
            detail = f"too many {self._work} are under way; try again"
            raise TooManyRequests(f"too_many_{self._work}", detail)
        self._under_way += 1
        try:
            async with self._slots:
                yield
        finally:
            self._under_way -= 1
