"""Returns of Kafka: after each, buckets and records are compared before their time.

Storage sends an event once. While Kafka is away it drops them, and nobody else tells of their
objects.
"""

SETTLE_SECONDS = 15.0
"""How long after a return events may still be dropped: storage's client takes no message for 10 s
after the last one that failed, and tries to connect for some seconds."""
COUNTED_SECONDS = 10.0
"""A comparison that began so long after a return counts for it: processes notice one at different
times, and one of them compares for all."""
APART_SECONDS = 30.0
"""Shortest time between the beginnings of two comparisons, however often Kafka goes and comes."""


class Returns:
    """Returns that nothing was compared after, as seconds of one clock."""

    def __init__(self) -> None:
        self._first: float | None = None
        self.latest: float | None = None
        """The last of them; None: there is none."""

    def note(self, at: float) -> None:
        """Remember that Kafka has come back."""
        self.latest = at
        if self._first is None:
            self._first = at

    def compared(self, began: float) -> None:
        """Forget those before a comparison that began then."""
        if self.latest is None or began >= self.latest + COUNTED_SECONDS:
            self._first = self.latest = None
        elif self._first is not None and began >= self._first + COUNTED_SECONDS:
            self._first = self.latest  # it was away once more, and that counts from its own return

    def due_at(self, last_began: float) -> float | None:
        """Return when to compare, after the comparison that began last; None: as usual.

        By the first return: one that goes and comes all the time must not put it off for ever.
        """
        if self._first is None:
            return None
        return max(self._first + SETTLE_SECONDS, last_began + APART_SECONDS)
