"""When a delivery that failed is tried again, and when it is given up."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_MOST_DOUBLINGS = 30


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a receiver is waited for, in seconds."""

    first_pause: float
    longest_pause: float
    give_up: float
    """From the first attempt at a delivery."""
    disable: float
    """From the first failure after which nothing succeeded."""

    def pause(self, attempts: int, chance: float, asked: float = 0.0) -> timedelta:
        """Return how long to wait after so many attempts: twice as long each time, jittered.

        `chance` is a random number from 0 to 1. `asked` is what the receiver wants (Retry-After),
        as far as that is within the longest pause.
        """
        longest = min(
            self.longest_pause, self.first_pause * 2.0 ** min(max(attempts - 1, 0), _MOST_DOUBLINGS)
        )
        jittered = longest / 2 + longest / 2 * chance
        return timedelta(seconds=max(jittered, min(asked, self.longest_pause)))

    def is_over(self, first_attempt_at: datetime, now: datetime) -> bool:
        """Whether a delivery is given up."""
        return now - first_attempt_at >= timedelta(seconds=self.give_up)

    def is_lasting(self, failing_since: datetime | None, now: datetime) -> bool:
        """Whether a subscription is disabled."""
        return failing_since is not None and now - failing_since >= timedelta(seconds=self.disable)


def retry_after(text: str | None) -> float:
    """Read `Retry-After` in seconds; 0 for a date or anything else, which is not worth a clock."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        return 0.0
    return float(text)
