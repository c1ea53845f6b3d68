"""When to try again: limited attempts, exponential backoff, full jitter. No I/O."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TRANSIENT_STATUS = frozenset((408, 425, 429, 500, 502, 503, 504))
"""HTTP statuses of a passing trouble: the same request may succeed when it is sent again."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a failed request is sent again."""

    attempts: int = 8
    """Sends in all, the first included."""
    base_seconds: float = 0.25
    """Upper bound of the first pause; it doubles with every further attempt."""
    cap_seconds: float = 10.0
    """Upper bound of any pause that the other side did not ask for."""
    longest_retry_after_seconds: float = 60.0
    """A Retry-After beyond this is not waited for: the call fails and says so."""

    def delay(
        self,
        failures: int,
        retry_after_seconds: float | None = None,
        *,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> float | None:
        """Return the seconds to wait after so many failures, or None to give up.

        Full jitter spreads clients that failed together; Retry-After is a lower bound.
        """
        if failures >= self.attempts:
            return None
        if (retry_after_seconds or 0) > self.longest_retry_after_seconds:
            return None
        bound = min(self.cap_seconds, self.base_seconds * 2.0 ** min(failures - 1, 60))
        return uniform(0, bound) + (retry_after_seconds or 0)


def parse_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number or an HTTP date."""
    if value is None:
        return None
    try:
        return max(0.0, float(int(value)))
    except OverflowError:
        return None
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
