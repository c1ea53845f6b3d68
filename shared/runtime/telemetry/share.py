"""Which traces get spans of a process where it would make too many: a backlog keeps its speed."""

from collections.abc import Callable
from time import monotonic

SPANS_PER_SECOND = 200
"""Spans that a process makes for what requests caused earlier. With some 40 microseconds each, they
take below 1% of a core."""
WINDOW_SECONDS = 1.0
_RANDOM_DIGITS = 14
"""Digits of a trace's id that are random: https://www.w3.org/TR/trace-context-2/#random-trace-id-flag."""


class Share:
    """Takes all traces while few spans are wanted, and then a part of them.

    Which ones depends on their ids alone, so that a trace that is taken is taken at each step and
    by each process; and as much as was wanted in the second before says how many.
    """

    def __init__(
        self, per_second: float = SPANS_PER_SECOND, clock: Callable[[], float] = monotonic
    ) -> None:
        self._per_second = per_second
        self._clock = clock
        self._begun = clock()
        self._wanted = 0
        self._below = 1.0

    def takes(self, trace_id: str) -> bool:
        """Count a span that is wanted, and return whether it is to be made."""
        passed = self._clock() - self._begun
        if passed >= WINDOW_SECONDS:
            allowed = self._per_second * passed
            self._below = min(1.0, allowed / self._wanted) if self._wanted else 1.0
            self._begun += passed
            self._wanted = 0
        self._wanted += 1
        return self._below == 1.0 or _place(trace_id) < self._below


def _place(trace_id: str) -> float:
    """Return where a trace is among all of them, from 0 to 1."""
    return int(trace_id[-_RANDOM_DIGITS:], 16) / 16**_RANDOM_DIGITS
