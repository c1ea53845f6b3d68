"""Where model events go: the seam between the relay and what carries them."""

from typing import Protocol

from shared.database.outbox import PendingEvent


class EventRefused(Exception):
    """This event is never taken as it is, however often it is sent; the text says why."""


class EventSink(Protocol):
    """Takes model events for good."""

    async def send(self, event: PendingEvent) -> None:
        """Return once the event is durable there.

        Raises Unavailable where that is not known; the event is then sent again. Raises
        EventRefused.
        """
        ...
