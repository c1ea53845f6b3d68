"""When bucket and records are compared: on a schedule that all indexers share."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

from services.indexer.context import Context
from services.indexer.kafka.errors import KafkaUnreadable
from services.indexer.kafka.topic_reader import open_reader
from services.indexer.reconcile.round import reconcile_when_due, until_due
from shared.database.leases import LeaseLost
from shared.domain.errors import RegistryError
from shared.runtime.logs import get_logger
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

    async def run(self) -> NoReturn:
        """Work until cancelled; a comparison that fails is tried again after the interval."""
        if not self._interval:
            await asyncio.Event().wait()  # only when an operator asks
        while True:
            heed_cancellation()
            try:
                pause = await until_due(self._context, self._interval)
                await asyncio.sleep(pause.total_seconds())
                await self._let_events_go_first()
                if await reconcile_when_due(self._context, self._interval) is not None:
                    self._wake_workers()
            except (RegistryError, LeaseLost) as error:
                log.warning("not reconciled", error=type(error).__name__, detail=str(error))
                await asyncio.sleep(self._interval.total_seconds())
            except Exception as error:
                # A defect, perhaps of one record: events go on being handled meanwhile.
                log.error("not reconciled", exc_info=error)
                await asyncio.sleep(self._interval.total_seconds())

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
                while await reader.unacknowledged(topic) > batch:  # noqa: ASYNC110 - LOOK_SECONDS
                    await asyncio.sleep(LOOK_SECONDS)
        except (KafkaUnreadable, TimeoutError) as error:
            log.info("compared before the events are handled", reason=type(error).__name__)
