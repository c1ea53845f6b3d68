"""How long work that failed waits for its next try, and when a worker stands still."""

from datetime import timedelta

from shared.runtime.progress import growing_pause

MAX_PAUSE_SECONDS = 600.0
"""Longest pause of work that failed."""
MAX_DEFECT_PAUSE_SECONDS = 60.0
"""Longest pause of a worker that fails before it has taken any work."""
STUCK_SECONDS = 180.0
"""A step that takes longer stands still: a request to storage is tried three times, 30 s each."""


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many failures: seconds at first, minutes later, jittered."""
    return timedelta(seconds=growing_pause(attempts, MAX_PAUSE_SECONDS))
