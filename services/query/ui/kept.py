"""Answers that are kept for some seconds: many pages that ask cost one question."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

from shared.runtime.tasks import end

T = TypeVar("T")


class Kept(Generic[T]):
    """The last answer to one question, which is asked once at a time.

    While it is fresh it is told as it is. Later it is told once more, and asked for anew meanwhile.
    Once it is old, or if it is not one to be kept, whoever wants it waits for another.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[T]],
        *,
        fresh_seconds: float,
        old_seconds: float,
        now: Callable[[], float] = monotonic,
        is_to_be_kept: Callable[[T], bool] = lambda _: True,
    ) -> None:
        self._ask, self._now, self._is_to_be_kept = ask, now, is_to_be_kept
        self._fresh_seconds, self._old_seconds = fresh_seconds, old_seconds
        self._answer: T | None = None
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def told(self) -> T:
        """Return the answer; raises what asking raises."""
        age = self._now() - self._asked_at
        if age > self._old_seconds:
            await asyncio.shield(self._asked())
        elif age > self._fresh_seconds:
            self._asked()
        assert self._answer is not None  # noqa: S101 - it was asked for
        return self._answer

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            await end(self._asking)

    def _asked(self) -> asyncio.Task[None]:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_now())
        return self._asking

    async def _ask_now(self) -> None:
        begun = self._now()  # what changed since may not be in the answer
        self._answer = await self._ask()
        self._asked_at = begun if self._is_to_be_kept(self._answer) else float("-inf")
