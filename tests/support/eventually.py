"""Waiting for what other processes do in their own time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

TIMEOUT_SECONDS = 30.0
PAUSE_SECONDS = 0.05


async def eventually(
    look: Callable[[], Awaitable[T | None]], seconds: float = TIMEOUT_SECONDS
) -> T:
    """Look until there is something, and return it; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if (found := await look()) is not None:
                return found
            await asyncio.sleep(PAUSE_SECONDS)
