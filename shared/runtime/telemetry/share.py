"""Which traces get spans of a process where it would make too many: a backlog keeps its speed."""

from collections.abc import Callable
from time import monotonic

SPANS_PER_SECOND: float = 200
"""Spans that a process makes for what requests caused earlier. With some 40 microseconds each, they
take below 1% of a core."""
WINDOW_SECONDS = 1.0
BURST_SECONDS = 2
"""How many seconds' spans may be made at once, before fewer traces have some: a batch of a thousand
versions wants four thousand in a moment."""
_SECONDS_UNTIL_ALL = 64.0
_RANDOM_DIGITS = 14
"""Digits of a trace's id that are random: https://www.w3.org/TR/trace-context-2/#random-trace-id-flag."""


class Share:
    """Takes all traces while few spans are wanted, and then a part of them.

    Which ones depends on their ids alone, so that a trace that is taken is taken at each step and
    by each process. What was wanted in the second before says how many; within a second they are
    halved each time that a burst was made. They come back slowly, or each batch would be a burst.
    """

    def __init__(
        self, per_second: float | None = None, clock: Callable[[], float] = monotonic
    ) -> None:
        self._per_second = SPANS_PER_SECOND if per_second is None else per_second
        self._clock = clock
        self._begun = clock()
        self._wanted = self._made = 0
        self._below = 1.0

    def takes(self, trace_id: str) -> bool:
        """Count a span that is wanted, and return whether it is to be made."""
        passed = self._clock() - self._begun
        if passed >= WINDOW_SECONDS:
            self._begin(passed)
        self._wanted += 1
        if self._below < 1.0 and _place(trace_id) >= self._below:
            return False
        self._made += 1
        if self._made > self._per_second * BURST_SECONDS:
            self._below /= 2
            self._made = 0
        return True

    def _begin(self, passed: float) -> None:
        """Begin a new window, so many seconds after the last one began."""
        fitting = self._per_second * passed / self._wanted if self._wanted else 1.0
        slowly = self._below * 2 ** min(passed, _SECONDS_UNTIL_ALL)
        self._below = min(1.0, fitting, slowly)
        self._begun += passed
        self._wanted = self._made = 0


def _place(trace_id: str) -> float:
    """Return where a trace is among all of them, from 0 to 1."""
    return int(trace_id[-_RANDOM_DIGITS:], 16) / 16**_RANDOM_DIGITS
