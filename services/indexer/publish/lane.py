"""One lane of the outbox: its models side by side, each one's events in order."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NoReturn, Self

from services.indexer.publish.sink import EventRefused, EventSink
from shared.database.client import limit_operations
from shared.database.outbox import Outbox, PendingEvent
from shared.domain.errors import Unavailable
from shared.domain.events import without_artifacts
from shared.domain.traces import logged
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, growing_pause, rest_after
from shared.runtime.tasks import heed_cancellation, is_cancelled, run_all, woken

BATCH = 250
"""Entries that are read at once."""
IDLE_SECONDS = 5.0
"""How often a lane is looked at when nothing woke it."""
MAX_HELD = 200
"""Models that may be held up at once; when it is more, it is no fault of single models."""
MAX_REFUSED_PAUSE_SECONDS = 600.0
"""Longest pause before an event that was refused is tried again."""
MAX_DEFECT_PAUSE_SECONDS = 60.0
"""Longest pause of a lane after an error that no waiting mends."""
STUCK_SECONDS = 60.0
"""A step that takes longer stands still: a statement or an event takes some seconds at most."""
FORGET_SECONDS = 2.0
"""How long the end of the process waits until what was published is taken out."""

log = get_logger(__name__)


@dataclass(slots=True)
class Hold:
    """Why a model's events wait, while the others of its lane go on."""

    reason: str
    is_refused: bool
    """Whether the event itself, or a defect, is at fault, rather than a server that is away."""
    mark: Mark
    failures: int = 1

    @classmethod
    def of(cls, model: str, error: Exception) -> Self:
        """Hold a model up for what kept its event from leaving."""
        hold = cls("", False, Mark(f"model {model!r}", STUCK_SECONDS), failures=0)
        hold.failed(error)
        return hold

    def failed(self, error: Exception) -> None:
        """Remember why it waits on; readiness tells what no waiting mends."""
        self.failures += 1
        self.reason = str(error) or type(error).__name__
        self.is_refused = not isinstance(error, Unavailable)
        if self.is_refused:
            self.mark.failed(error)
        else:
            self.mark.succeeded()

    def pause_seconds(self) -> float:
        """Return how long to wait for the next try: longer each time, jittered."""
        most = MAX_REFUSED_PAUSE_SECONDS if self.is_refused else IDLE_SECONDS
        return growing_pause(self.failures, most)


class Lane:
    """Publishes a lane's events. An event that cannot leave holds up its own model alone."""

    def __init__(self, number: int, outbox: Outbox, sink: EventSink) -> None:
        self._number = number
        self._outbox = outbox
        self._sink = sink
        self._wake = asyncio.Event()
        self.held: dict[str, Hold] = {}
        """Models that are held up, by name."""
        self.mark = Mark(f"lane {number} of the outbox", STUCK_SECONDS)

    def marks(self) -> Iterator[Mark]:
        """Yield how the lane goes on, and each model that is held up."""
        yield self.mark
        yield from [hold.mark for hold in self.held.values()]

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
                    self.mark.moved()
                    try:
                        more = await self._one_round(retries)
                    except Exception as error:
                        # A defect: the other lanes, and all else, go on; readiness tells.
                        log.error("lane failed", lane=self._number, exc_info=error)
                        await rest_after(error, self.mark, MAX_DEFECT_PAUSE_SECONDS)
                        continue
                    self.mark.succeeded()
                    if not more:
                        self.mark.idle(IDLE_SECONDS)
                        await woken(self._wake, IDLE_SECONDS)
        finally:
            self.mark.idle()
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

        A model whose event fails is held up from then on. Raises its error where too many are.
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
                await self._forget(published)
        for model, failure in zip(by_model, failures, strict=True):
            if failure is not None:
                self._hold_up(model, failure)
        return more

    async def _failure_of(
        self, events: Sequence[PendingEvent], published: list[PendingEvent]
    ) -> Exception | None:
        """Publish a model's events in order; returns what kept it from going on."""
        try:
            await self._in_order(events, published, self.mark)
        except Exception as error:
            return error  # also a defect, which is of this event, holds up its model alone
        return None

    async def _in_order(
        self, events: Sequence[PendingEvent], published: list[PendingEvent], mark: Mark
    ) -> None:
        """One at a time: the next leaves when the one before is confirmed."""
        for event in events:
            await self._send(event)
            mark.moved()
            told = logged(event.trace)
            log.info("event published", model=event.model, event_id=event.id, **told)
            published.append(event)

    async def _forget(self, published: Sequence[PendingEvent]) -> None:
        """Take out what was published. At the end of the process that is given up after seconds:
        what stays is published again."""
        with limit_operations(FORGET_SECONDS) if is_cancelled() else nullcontext():
            await self._outbox.remove(published)

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

    def _hold_up(self, model: str, error: Exception) -> None:
        if len(self.held) >= MAX_HELD:
            raise error
        self.held[model] = hold = Hold.of(model, error)
        _tell_held("model held up", model, hold, error)

    async def _retry(self, model: str) -> None:
        """Publish a held model's events after growing pauses, until none is left."""
        hold = self.held[model]
        more = True
        while more:
            heed_cancellation()
            seconds = hold.pause_seconds()
            hold.mark.idle(seconds)
            await asyncio.sleep(seconds)
            hold.mark.moved()
            try:
                more = await self.publish_held(model)
            except Exception as error:
                # Whatever it is, it must not stop the other models.
                hold.failed(error)
                _tell_held("model still held up", model, hold, error)
            else:
                hold.failures = 0
        del self.held[model]
        log.info("model goes on", model=model)
        self._wake.set()

    async def publish_held(self, model: str) -> bool:
        """Publish one batch of a held model; True when there may be more.

        Raises what keeps it from going on.
        """
        events, more = await self._outbox.pending_of(model, BATCH)
        published: list[PendingEvent] = []
        try:
            await self._in_order(events, published, self.held[model].mark)
        finally:
            if published:
                await self._forget(published)
        return more


def _tell_held(told: str, model: str, hold: Hold, error: Exception) -> None:
    if isinstance(error, (Unavailable, EventRefused)):
        tell = log.error if hold.is_refused else log.warning
        tell(told, model=model, reason=hold.reason)
    else:
        log.error(told, model=model, exc_info=error)
