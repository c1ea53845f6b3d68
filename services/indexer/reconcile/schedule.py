"""When bucket and records are compared: on a schedule that all indexers share."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

from services.indexer.context import Context
from services.indexer.kafka.errors import KafkaUnreadable
from services.indexer.kafka.topic_reader import open_reader
from services.indexer.reconcile.pace import stuck_after
from services.indexer.reconcile.round import reconcile_when_due, until_due
from shared.database.leases import LeaseLost
from shared.domain.errors import RegistryError
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, growing_pause, rest_after, tell_progress
from shared.runtime.tasks import heed_cancellation

LOOK_SECONDS = 2.0
"""How often Kafka is asked whether events still wait: it tells nobody by itself."""

log = get_logger(__name__)


class Reconciler:
    """Compares whenever the interval since the last comparison, by whomever, is over."""

    def __init__(self, context: Context, wake_workers: Callable[[], None]) -> None:
        self._context = context
        self._wake_workers = wake_workers
        self._interval = timedelta(seconds=context.settings.reconcile_interval_seconds)
        self._outages = 0
        limit = stuck_after(context.settings.reconcile_requests_per_second)
        self.mark = Mark("comparison of buckets and records", limit)

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
        pause = await until_due(self._context, self._interval)
        await self._rest(pause.total_seconds())
        await self._let_events_go_first()
        if await reconcile_when_due(self._context, self._interval) is not None:
            self._wake_workers()

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
