"""Marks of progress: whether a loop goes on while something waits for it.

Each long-running loop has one. It tells of each step, and says before it rests for how long;
whoever watches it asks for its trouble. A loop that hangs cannot say so, but its age does.
"""

import asyncio
import random
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

from shared.runtime.tasks import heed_cancellation

_current: ContextVar["Mark | None"] = ContextVar("mark", default=None)


class Mark:
    """When one loop last told of a step, and what keeps it from its work."""

    def __init__(
        self, name: str, limit_seconds: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self.name = name
        self.failures = 0
        """How often it has failed by a defect since it last succeeded."""
        self._limit_seconds = limit_seconds
        self._clock = clock
        self._failure = ""
        self._at = clock()
        self._rest_seconds: float | None = None  # until it begins, nobody waits for it

    @property
    def age(self) -> float:
        """Seconds since it last told of anything."""
        return self._clock() - self._at

    @property
    def is_stuck(self) -> bool:
        """Whether it has told of nothing for longer than its rest and its limit together."""
        if self._rest_seconds is None:
            return False
        return self.age > self._limit_seconds + self._rest_seconds

    def moved(self) -> None:
        """Tell of a step, or of looking for work: the next one is to come within the limit."""
        self._at, self._rest_seconds = self._clock(), 0.0

    def idle(self, seconds: float | None = None) -> None:
        """Tell that nothing waits, and for how long it rests; None: until something comes."""
        self._at, self._rest_seconds = self._clock(), seconds

    def step(self) -> None:
        """Tell of a part of what is under way; means nothing to a loop that rests."""
        if self._rest_seconds is not None:
            self._at = self._clock()

    def failed(self, error: BaseException) -> None:
        """Remember what it fails by, until it succeeds."""
        self.failures += 1
        self._failure = f"{type(error).__name__}: {error}"[:200].rstrip(": ")

    def succeeded(self) -> None:
        """Forget what it failed by."""
        self.failures, self._failure = 0, ""

    def trouble(self) -> str:
        """Name it with what is wrong; empty where nothing is."""
        if self.is_stuck:
            return f"{self.name} stands still ({self.age:.0f} s)"
        return f"{self.name} fails ({self._failure})" if self._failure else ""

    @contextmanager
    def told_from_within(self) -> Generator[None]:
        """Let `tell_progress` inside the block, and in tasks that it starts, tell of its steps."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


def tell_progress() -> None:
    """Tell that the loop this was called by goes on: for work that takes long in one piece."""
    if (mark := _current.get()) is not None:
        mark.step()


@contextmanager
def resting(seconds: float | None = None) -> Generator[None]:
    """Let the loop this was called by be silent inside the block, for so long beside its limit.

    None: for as long as it takes, where it waits for what other loops hold.
    """
    mark = _current.get()
    if mark is not None:
        mark.idle(seconds)
    try:
        yield
    finally:
        if mark is not None:
            mark.moved()


def troubles(marks: Iterable[Mark]) -> list[str]:
    """Return what is wrong with those that are in trouble."""
    return [trouble for mark in marks if (trouble := mark.trouble())]


def growing_pause(failures: int, most_seconds: float) -> float:
    """Return how long to wait after so many failures: longer each time, jittered, limited."""
    longest = min(most_seconds, 2.0 ** min(failures, 20))
    return random.uniform(longest / 2, longest)  # noqa: S311 - no secret


async def rest_after(error: Exception, mark: Mark, most_seconds: float) -> None:
    """Wait before the next try of a loop that failed by a defect, and tell of it meanwhile."""
    heed_cancellation()  # whose place the error may have taken
    mark.failed(error)
    seconds = growing_pause(mark.failures, most_seconds)
    mark.idle(seconds)
    await asyncio.sleep(seconds)
    mark.moved()
