"""Forms that may be heard once, where ingest itself cannot tell a second sending from another form.

They are remembered by this process alone, and for some hours: it is against a double click and a
reload, not against somebody who means to do it twice.
"""

from time import monotonic
from typing import Final

from cachetools import TTLCache

MOST_KNOWN: Final = 10_000
KNOWN_SECONDS: Final = 12 * 3600.0
"""As long as a session lasts, whose forms they are."""


class Sendings:
    """The one-time values of forms that were heard."""

    def __init__(self) -> None:
        self._heard: TTLCache[str, None] = TTLCache(MOST_KNOWN, KNOWN_SECONDS, monotonic)

    def is_first(self, once: str) -> bool:
        """Return whether a form is heard for the first time; from now on it was heard."""
        if once in self._heard:
            return False
        self._heard[once] = None
        return True

    def forget(self, once: str) -> None:
        """Let a form be heard again, of which nothing was done for certain."""
        self._heard.pop(once, None)
