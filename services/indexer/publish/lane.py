"""One lane of the outbox: its models side by side, each one's events in order."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NoReturn

from services.indexer.publish.sink import EventRefused, EventSink
from shared.database.outbox import Outbox, PendingEvent
from shared.domain.errors import Unavailable
from shared.domain.events import without_artifacts
from shared.runtime.logs import get_logger
from shared.runtime.tasks import heed_cancellation, run_all, woken

BATCH = 250
"""Entries that are read at once."""
IDLE_SECONDS = 5.0
"""How often a lane is looked at when nothing woke it."""
MAX_HELD = 200
"""Models that may be held up at once; when it is more, it is no fault of single models."""
MAX_REFUSED_PAUSE_SECONDS = 600.0
"""Longest pause before an event that was refused is tried again."""

log = get_logger(__name__)


@dataclass(slots=True)
class Hold:
    """Why a model's events wait, while the others of its lane go on."""

    reason: str
    is_refused: bool
    """Whether the event itself is at fault, rather than a server that is away."""
    failures: int = 1

    def pause_seconds(self) -> float:
        """Return how long to wait for the next try: longer each time, jittered."""
        most = MAX_REFUSED_PAUSE_SECONDS if self.is_refused else IDLE_SECONDS
        longest = min(most, 2.0 ** min(self.failures, 20))
        return random.uniform(longest / 2, longest)  # noqa: S311 - no secret


class Lane:
    """Publishes a lane's events. An event that cannot leave holds up its own model alone."""

    def __init__(self, number: int, outbox: Outbox, sink: EventSink) -> None:
        self._number = number
        self._outbox = outbox
        self._sink = sink
        self._wake = asyncio.Event()
        self.held: dict[str, Hold] = {}
        """Models that are held up, by name."""

    def wake(self) -> None:
        """Look into the lane now."""
        self._wake.set()

    async def follow(self) -> NoReturn:
        """Publish until cancelled. A failure leaves the events where they are."""
        try:
            async with asyncio.TaskGroup() as retries:
                while True:
                    heed_cancellation()
                    self._wake.clear()
                    if not await self._one_round(retries):
                        await woken(self._wake, IDLE_SECONDS)
        finally:
            self.held.clear()  # who follows the lane next begins with all of its models

    async def _one_round(self, retries: asyncio.TaskGroup) -> bool:
        """Publish one batch; True when there may be more that can be published at once."""
        before = set(self.held)
        try:
            more = await self.publish_pending()
        except Unavailable as error:
            log.warning("relay failed", error=type(error).__name__, detail=str(error))
            return False
        finally:
            for model in self.held.keys() - before:
                retries.create_task(self._retry(model))
        return more

    async def publish_pending(self) -> bool:
        """Publish one batch, models side by side; True when there may be more at once.

        A model whose event fails is held up from then on. Raises Unavailable where too many are.
        """
        events, more = await self._outbox.pending(self._number, BATCH, without=set(self.held))
        by_model = {
            model: list(group) for model, group in groupby(events, key=lambda event: event.model)
        }
        published: list[PendingEvent] = []
        try:
            failures = await run_all(
                self._failure_of(of_model, published) for of_model in by_model.values()
            )
        finally:
            if published:
                await self._outbox.remove(published)
        for model, failure in zip(by_model, failures, strict=True):
            if failure is not None:
                self._hold_up(model, failure)
        return more

    async def _failure_of(
        self, events: Sequence[PendingEvent], published: list[PendingEvent]
    ) -> Unavailable | EventRefused | None:
        """Publish a model's events in order; returns what kept it from going on."""
        try:
            await self._in_order(events, published)
        except (Unavailable, EventRefused) as error:
            return error
        return None

    async def _in_order(
        self, events: Sequence[PendingEvent], published: list[PendingEvent]
    ) -> None:
        """One at a time: the next leaves when the one before is confirmed."""
        for event in events:
            await self._send(event)
            log.info("event published", model=event.model, event_id=event.id)
            published.append(event)

    async def _send(self, event: PendingEvent) -> None:
        """Send an event, without its artifacts where it is refused with them."""
        try:
            await self._sink.send(event)
        except EventRefused as error:
            smaller = without_artifacts(event.body)
            if smaller is None:
                raise
            await self._sink.send(replace(event, body=smaller))
            told = {"model": event.model, "event_id": event.id}
            log.warning("event sent without artifacts", reason=str(error), **told)

    def _hold_up(self, model: str, error: Unavailable | EventRefused) -> None:
        if len(self.held) >= MAX_HELD:
            raise error
        self.held[model] = Hold(_reason(error), isinstance(error, EventRefused))
        log.warning("model held up", model=model, reason=self.held[model].reason)

    async def _retry(self, model: str) -> None:
        """Publish a held model's events after growing pauses, until none is left."""
        hold = self.held[model]
        more = True
        while more:
            heed_cancellation()
            await asyncio.sleep(hold.pause_seconds())
            try:
                more = await self.publish_held(model)
            except (Unavailable, EventRefused) as error:
                hold.reason, hold.is_refused = _reason(error), isinstance(error, EventRefused)
                hold.failures += 1
                if hold.is_refused:
                    log.error("model still held up", model=model, reason=hold.reason)
            else:
                hold.failures = 0
        del self.held[model]
        log.info("model goes on", model=model)
        self._wake.set()

    async def publish_held(self, model: str) -> bool:
        """Publish one batch of a held model; True when there may be more.

        Raises what keeps it from going on: Unavailable or EventRefused.
        """
        events, more = await self._outbox.pending_of(model, BATCH)
        published: list[PendingEvent] = []
        try:
            await self._in_order(events, published)
        finally:
            if published:
                await self._outbox.remove(published)
        return more


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
