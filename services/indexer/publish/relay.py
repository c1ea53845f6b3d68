"""The relay: events leave the outbox for Kafka, in order per model, at least once."""

import asyncio
import random
from typing import NoReturn

from services.indexer.context import Context
from services.indexer.publish.lane import IDLE_SECONDS, Lane
from services.indexer.publish.sink import EventSink
from shared.database.errors import DatabaseUnavailable
from shared.database.leases import LeaseLost, run_under_lease
from shared.database.outbox import LANES
from shared.runtime.logs import get_logger
from shared.runtime.tasks import heed_cancellation, run_all

LEASE = "relay"
LEASE_SECONDS = 6.0
"""After a crash, events wait this long for another relay."""

log = get_logger(__name__)


class Relay:
    """Publishes what is in the outbox, its lanes side by side.

    `wake` tells that there may be something in a lane.
    """

    def __init__(self, context: Context, sink: EventSink) -> None:
        self._context = context
        self._lanes = [Lane(number, context.outbox, sink) for number in range(LANES)]

    def wake(self, lane: int | None = None) -> None:
        """Look into the lane now, or into all of them."""
        for each in self._lanes if lane is None else [self._lanes[lane]]:
            each.wake()

    def refused(self) -> list[str]:
        """Tell of each model that is held up by an event which is never taken as it is."""
        return [
            f"model {model!r}: {hold.reason}"
            for lane in self._lanes
            for model, hold in lane.held.items()
            if hold.is_refused
        ]

    async def run(self) -> NoReturn:
        """Work until cancelled, in turn with the relays of other processes.

        Order does not rest on the lease: each relay waits for Kafka before it sends a model's next
        event, so that one which wakes up late only repeats events. It spares the repeating.
        """
        while True:
            heed_cancellation()
            try:
                await run_under_lease(
                    self._context.database, LEASE, self._follow_all, seconds=LEASE_SECONDS
                )
            except LeaseLost:
                log.warning("lease lost", lease=LEASE)
            except DatabaseUnavailable as error:
                log.warning("no lease", lease=LEASE, error=error.reason)
                await asyncio.sleep(random.uniform(0, IDLE_SECONDS))  # noqa: S311 - no secret

    async def _follow_all(self) -> None:
        await run_all(lane.follow() for lane in self._lanes)
