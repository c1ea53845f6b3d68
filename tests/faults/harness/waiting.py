"""Waiting for a condition of other processes, with a limit that says what was waited for."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.support.eventually import eventually

T = TypeVar("T")

SECONDS = 60.0


async def until(what: str, look: Callable[[], Awaitable[T | None]], seconds: float = SECONDS) -> T:
    """Look until there is something, and return it; raises TimeoutError naming `what`."""
    try:
        return await eventually(look, seconds)
    except TimeoutError:
        raise TimeoutError(f"not within {seconds:.0f} s: {what}") from None


async def until_true(
    what: str, holds: Callable[[], Awaitable[bool]], seconds: float = SECONDS
) -> None:
    """Look until the condition holds; raises TimeoutError naming `what`."""

    async def look() -> bool | None:
        return await holds() or None

    await until(what, look, seconds)
