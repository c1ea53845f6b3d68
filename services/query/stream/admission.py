"""How many streams there are at once: in all, and of one principal."""

from collections import Counter
from collections.abc import Callable

from shared.domain.errors import TooManyRequests, Unavailable

RETRY_SECONDS = 10


class StreamsFull(Unavailable):
    """The process has as many streams as it may have."""

    retry_after_seconds = RETRY_SECONDS


class Admission:
    """Counts open streams."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._open: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """Streams that are open now."""
        return self._open.total()

    def admit(self, principal: str) -> Callable[[], None]:
        """Count one more stream, until what is returned is called; a second call does nothing.

        Raises TooManyRequests where the principal has as many as one may have, StreamsFull where
        there are as many as may be.
        """
        if self._open[principal] >= self._most_of_one:
            detail = f"{principal} has {self._most_of_one} streams open, as many as one may have"
            raise TooManyRequests("too_many_streams", detail, RETRY_SECONDS)
        if self.count >= self._most:
            raise StreamsFull("streams_full", f"{self._most} streams are open; try again later")
        self._open[principal] += 1
        is_open = True

        def leave() -> None:
            nonlocal is_open
            if is_open:
                is_open = False
                self._open[principal] -= 1
                if not self._open[principal]:
                    del self._open[principal]

        return leave
