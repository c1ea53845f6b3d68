"""Scales: where a number lies between the least and the greatest of its axis."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite, log10
from typing import Final

LEAST_LOG_RATIO: Final = 1000.0
"""Positive values that are further apart are told by their order of magnitude."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The ends of an axis. Both are finite, and above 0 where it is logarithmic."""

    low: float
    high: float
    is_log: bool = False

    def share(self, value: float) -> float:
        """Return where a value lies: 0 at the low end, 1 at the high one, 0.5 where they meet."""
        low, high, at = (self._placed(each) for each in (self.low, self.high, value))
        if high - low <= 0:
            return 0.5
        return min(1.0, max(0.0, (at - low) / (high - low)))

    @property
    def middle(self) -> float:
        """The value that lies half way."""
        if self.is_log:
            return 10 ** ((log10(self.low) + log10(self.high)) / 2)
        return self.low / 2 + self.high / 2

    def _placed(self, value: float) -> float:
        # Halved: the greatest number less the least one would be infinite.
        return log10(value) if self.is_log else value / 2


def scale_of(values: Iterable[float], *, may_be_log: bool = False) -> Scale:
    """Return the scale of finite values, of which there is at least one."""
    held = list(values)
    low, high = min(held), max(held)
    return Scale(low, high, may_be_log and low > 0 and high / low >= LEAST_LOG_RATIO)


def as_number(value: object) -> float | None:
    """Return a value as a finite number; None for what is none, also for true and false."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # JSON's integers have no bound
        return None
    return number if isfinite(number) else None
