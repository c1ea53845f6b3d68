"""Waiting for a condition of other processes, with a limit that says what was waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

SECONDS = 60.0
PAUSE_SECONDS = 0.05


async def until(what: str, look: Callable[[], Awaitable[T | None]], seconds: float = SECONDS) -> T:
    """Look until there is something, and return it; raises TimeoutError naming `what`."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                if (found := await look()) is not None:
                    return found
                await asyncio.sleep(PAUSE_SECONDS)
    except TimeoutError:
        raise TimeoutError(f"not within {seconds:.0f} s: {what}") from None


async def until_true(
    what: str, holds: Callable[[], Awaitable[bool]], seconds: float = SECONDS
) -> None:
    """Look until the condition holds; raises TimeoutError naming `what`."""

    async def look() -> bool | None:
        return await holds() or None

    await until(what, look, seconds)
