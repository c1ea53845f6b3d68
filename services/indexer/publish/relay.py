"""The relay: events leave the outbox for Kafka, in order per model, at least once."""

import asyncio
import random
from collections.abc import Sequence
from itertools import groupby
from typing import NoReturn

from services.indexer.context import Context
from services.indexer.publish.sink import EventSink
from shared.database.errors import DatabaseUnavailable
from shared.database.leases import LeaseLost, run_under_lease
from shared.database.outbox import LANES, PendingEvent
from shared.domain.errors import Unavailable
from shared.runtime.logs import get_logger
from shared.runtime.tasks import run_all, woken

BATCH = 250
"""Entries of a lane that are read at once."""
LEASE = "relay"
LEASE_SECONDS = 6.0
"""After a crash, events wait this long for another relay."""
IDLE_SECONDS = 5.0
"""How often a lane is looked at when nothing woke its worker."""

log = get_logger(__name__)


class Relay:
    """Publishes what is in the outbox, its lanes side by side.

    `wake` tells that there may be something in a lane.
    """

    def __init__(self, context: Context, sink: EventSink) -> None:
        self._context = context
        self._sink = sink
        self._wakes = [asyncio.Event() for _ in range(LANES)]

    def wake(self, lane: int | None = None) -> None:
        """Look into the lane now, or into all of them."""
        for wake in self._wakes if lane is None else [self._wakes[lane]]:
            wake.set()

    async def run(self) -> NoReturn:
        """Work until cancelled, in turn with the relays of other processes.

        Order does not rest on the lease: each relay waits for Kafka before it sends a model's next
        event, so that one which wakes up late only repeats events. It spares the repeating.
        """
        while True:
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
        """Publish until cancelled. A failure leaves the events where they are."""
        await run_all(self._follow(lane) for lane in range(LANES))

    async def _follow(self, lane: int) -> NoReturn:
        while True:
            self._wakes[lane].clear()
            try:
                more = await self.publish_pending(lane)
            except Unavailable as error:
                log.warning("relay failed", error=type(error).__name__, detail=str(error))
                more = False
            if not more:
                await woken(self._wakes[lane], IDLE_SECONDS)

    async def publish_pending(self, lane: int) -> bool:
        """Publish one batch, models side by side; True when there may be more at once."""
        events, more = await self._context.outbox.pending(lane, BATCH)
        by_model = [list(group) for _, group in groupby(events, key=lambda event: event.model)]
        published: list[PendingEvent] = []
        try:
            await run_all(self._in_order(of_model, published) for of_model in by_model)
        finally:
            if published:
                await self._context.outbox.remove(published)
        return more

    async def _in_order(
        self, events: Sequence[PendingEvent], published: list[PendingEvent]
    ) -> None:
        """One at a time: the next leaves when the one before is confirmed."""
        for event in events:
            await self._sink.send(event)
            log.info("event published", model=event.model, event_id=event.id)
            published.append(event)
