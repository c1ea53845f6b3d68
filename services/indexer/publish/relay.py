"""The relay: events leave the outbox for Kafka, in order per model, at least once."""

import asyncio
import random
from collections.abc import Iterator
from typing import NoReturn

from services.indexer.context import Context
from services.indexer.publish.lane import IDLE_SECONDS, Lane
from services.indexer.publish.sink import EventSink
from shared.database.errors import DatabaseUnavailable
from shared.database.leases import LeaseLost, run_under_lease
from shared.database.outbox import LANES
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, rest_after
from shared.runtime.tasks import heed_cancellation, run_all

LEASE = "relay"
LEASE_SECONDS = 6.0
"""After a crash, events wait this long for another relay."""
STUCK_SECONDS = 60.0
"""A look for the lease that takes longer stands still: a statement may take some seconds."""
MAX_DEFECT_PAUSE_SECONDS = 60.0
"""Longest pause after an error that no waiting mends."""

log = get_logger(__name__)


class Relay:
    """Publishes what is in the outbox, its lanes side by side.

    `wake` tells that there may be something in a lane.
    """

    def __init__(self, context: Context, sink: EventSink) -> None:
        self._context = context
        self._lanes = [Lane(number, context.outbox, sink) for number in range(LANES)]
        self._mark = Mark("relay", STUCK_SECONDS)

    def marks(self) -> Iterator[Mark]:
        """Yield how the relay, its lanes and the models that are held up go on."""
        yield self._mark
        for lane in self._lanes:
            yield from lane.marks()

    def wake(self, lane: int | None = None) -> None:
        """Look into the lane now, or into all of them."""
        for each in self._lanes if lane is None else [self._lanes[lane]]:
            each.wake()

    async def run(self) -> NoReturn:
        """Work until cancelled, in turn with the relays of other processes.

        Order does not rest on the lease: each relay waits for Kafka before it sends a model's next
        event, so that one which wakes up late only repeats events. It spares the repeating.
        """
        while True:
            heed_cancellation()
            self._mark.moved()
            try:
                with self._mark.told_from_within():
                    await run_under_lease(
                        self._context.database, LEASE, self._follow_all, seconds=LEASE_SECONDS
                    )
            except LeaseLost:
                log.warning("lease lost", lease=LEASE)
            except DatabaseUnavailable as error:
                log.warning("no lease", lease=LEASE, error=error.reason)
                await asyncio.sleep(random.uniform(0, IDLE_SECONDS))  # noqa: S311 - no secret
            except Exception as error:
                # A defect: uploads, verification and queries go on meanwhile, and readiness tells.
                log.error("relay failed", lease=LEASE, exc_info=error)
                await rest_after(error, self._mark, MAX_DEFECT_PAUSE_SECONDS)

    async def _follow_all(self) -> None:
        self._mark.succeeded()
        self._mark.idle()  # the lanes have marks of their own
        await run_all(lane.follow() for lane in self._lanes)
