"""Events are delivered to Kafka at least once: what comes again is recognised for some time."""

from collections import deque


class Recent:
    """The ids of the last events that were read; whoever comes again is a repetition.

    A repetition comes soon after the event, since only a confirmation that got lost causes it, so
    that the last ones suffice. One that comes later still is not recognised, and none is ever
    taken for another: nothing gets lost by it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._order: deque[str] = deque()
        self._known: set[str] = set()

    def is_new(self, event_id: str) -> bool:
        """Take note of an event, and return whether it was not among the last ones."""
        if event_id in self._known:
            return False
        self._known.add(event_id)
        self._order.append(event_id)
        if len(self._order) > self._limit:
            self._known.discard(self._order.popleft())
        return True
