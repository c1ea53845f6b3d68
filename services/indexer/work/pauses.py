"""How long work that failed waits for its next try."""

import random
from datetime import timedelta

MAX_PAUSE_SECONDS = 600.0


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many failures: seconds at first, minutes later, jittered."""
    longest = min(MAX_PAUSE_SECONDS, 2.0**attempts)
    return timedelta(seconds=random.uniform(longest / 2, longest))  # noqa: S311 - no secret
