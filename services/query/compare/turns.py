"""Whose turn it is to compare: a few at once, and few who wait."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from shared.domain.errors import TooManyRequests

AT_ONCE: Final = 2
"""Bounds the memory of the comparisons under way."""
MOST_WAITING: Final = 16
"""Each may wait for as long as the slowest comparisons before it take."""


class Turns:
    """The turns of one process."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._under_way = 0

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for a turn, and have it inside the block; raises TooManyRequests."""
        if self._under_way >= AT_ONCE + MOST_WAITING:
            detail = "too many comparisons are under way; try again"
            raise TooManyRequests("too_many_comparisons", detail)
        self._under_way += 1
        try:
            async with self._slots:
                yield
        finally:
            self._under_way -= 1
