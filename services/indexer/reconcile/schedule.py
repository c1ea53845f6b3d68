"""When bucket and records are compared: on a schedule that all indexers share."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import NoReturn

from services.indexer.context import Context
from services.indexer.reconcile.pace import stuck_after
from services.indexer.reconcile.returns import COUNTED_SECONDS, Returns
from services.indexer.reconcile.round import reconcile_when_due, until_due
from shared.database.leases import LeaseLost
from shared.database.reports import last_comparison_began
from shared.domain.errors import RegistryError
from shared.kafka.errors import KafkaUnreadable
from shared.kafka.topic_reader import open_reader
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, growing_pause, rest_after, tell_progress
from shared.runtime.tasks import heed_cancellation, woken

LOOK_SECONDS = 2.0
"""How often Kafka is asked whether events still wait: it tells nobody by itself."""

log = get_logger(__name__)


class Reconciler:
    """Compares whenever the interval since the last comparison, by whomever, is over.

    `kafka_returned` tells that events may have been dropped: it then compares before.
    """

    def __init__(self, context: Context, wake_workers: Callable[[], None]) -> None:
        self._context = context
        self._wake_workers = wake_workers
        self._interval = timedelta(seconds=context.settings.reconcile_interval_seconds)
        self._outages = 0
        self._returns = Returns()
        self._wake = asyncio.Event()
        limit = stuck_after(context.settings.reconcile_requests_per_second)
        self.mark = Mark("comparison of buckets and records", limit)

    def kafka_returned(self) -> None:
        """Compare soon."""
        self._returns.note(monotonic())
        self._wake.set()

    async def run(self) -> NoReturn:
        """Work until cancelled; a comparison that fails is tried again after a growing pause."""
        if not self._interval:
            await asyncio.Event().wait()  # only when an operator asks
        while True:
            heed_cancellation()
            self.mark.moved()
            try:
                with self.mark.told_from_within():
                    await self._one_turn()
            except (RegistryError, LeaseLost) as error:
                log.warning("not reconciled", error=type(error).__name__, detail=str(error))
                self._outages += 1
                await self._rest(growing_pause(self._outages, self._interval.total_seconds()))
            except Exception as error:
                # A defect, perhaps of one record: events go on being handled meanwhile.
                log.error("not reconciled", exc_info=error)
                await rest_after(error, self.mark, self._interval.total_seconds())
            else:
                self._outages = 0
                self.mark.succeeded()

    async def _one_turn(self) -> None:
        """Wait until a comparison is due, and have it made, by whichever process."""
        self._wake.clear()
        pause = (await until_due(self._context, self._interval)).total_seconds()
        pause = min(pause, await self._until_due_by_return())
        self.mark.idle(pause)
        await woken(self._wake, pause)
        self.mark.moved()
        if self._wake.is_set():
            return  # Kafka is back: the pause is another one
        await self._let_events_go_first()
        since = None
        if (returned := self._returns.latest) is not None:
            # One that another process began after that counts for all.
            ago = timedelta(seconds=monotonic() - returned - COUNTED_SECONDS)
            since = await self._context.database.now() - ago
        if await reconcile_when_due(self._context, self._interval, since=since) is not None:
            self._wake_workers()

    async def _until_due_by_return(self) -> float:
        """Return for how many seconds a comparison after a return of Kafka has time."""
        if self._returns.latest is None:
            return float("inf")
        last = await last_comparison_began(self._context.database)
        ago = (await self._context.database.now() - last).total_seconds() if last else float("inf")
        now = monotonic()
        self._returns.compared(now - ago)
        due_at = self._returns.due_at(now - ago)
        return float("inf") if due_at is None else max(due_at - now, 0.0)

    async def _rest(self, seconds: float) -> None:
        self.mark.idle(seconds)
        await asyncio.sleep(seconds)
        self.mark.moved()

    async def _let_events_go_first(self) -> None:
        """Wait while more than a batch of events waits, but no longer than the interval.

        What they tell needs no finding, and finding it at the same time slows down both.
        """
        settings = self._context.settings
        topic, group = settings.kafka_bucket_events_topic, settings.kafka_indexer_group
        try:
            async with (
                asyncio.timeout(self._interval.total_seconds()),
                open_reader(settings, group) as reader,
            ):
                batch = settings.indexer_batch_size
                while await reader.unacknowledged(topic) > batch:
                    tell_progress()
                    await asyncio.sleep(LOOK_SECONDS)
        except (KafkaUnreadable, TimeoutError) as error:
            log.info("compared before the events are handled", reason=type(error).__name__)
