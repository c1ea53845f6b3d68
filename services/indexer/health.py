"""Readiness of the indexer: partitions assigned, work going on, servers answering."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer

from services.indexer.context import Context
from services.indexer.lag import indexer_lag
from shared.database.client import limit_operations
from shared.database.errors import DatabaseUnavailable
from shared.kafka.connection import KafkaProbe
from shared.kafka.consumer_health import ConsumerHealth
from shared.kafka.errors import KafkaUnreachable
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, troubles
from shared.runtime.settings import Settings
from shared.web.readiness import ANSWER_SECONDS, absent_servers

UNPUBLISHED_SECONDS = 120.0
"""An event that has waited longer in the outbox is late: while Kafka answers it takes a moment."""
MOST_TROUBLES = 20
"""Troubles that are named; of more, only their number."""

log = get_logger(__name__)


class Health(ConsumerHealth):
    """Watches the worker."""

    def __init__(self, settings: Settings, kafka: KafkaProbe) -> None:
        super().__init__("batch of bucket events")
        self._settings, self._kafka = settings, kafka
        self._context: Context | None = None
        self._tasks: Sequence[asyncio.Task[None]] = ()
        self._marks: Callable[[], Iterable[Mark]] = tuple
        self._consumer: Callable[[], AIOKafkaConsumer | None] = lambda: None

    def watch(
        self,
        context: Context,
        tasks: Sequence[asyncio.Task[None]],
        marks: Callable[[], Iterable[Mark]],
        consumer: Callable[[], AIOKafkaConsumer | None],
    ) -> None:
        """Start judging by these clients, tasks and marks."""
        self._context, self._tasks, self._marks = context, tasks, marks
        self._consumer, self.starting = consumer, ""

    async def waits_for(self) -> list[str]:
        """Name what is missing for events to be handled now."""
        context = self._context
        if context is None:
            return [self.starting]
        missing: list[str] = []
        if not self.is_assigned:
            missing.append("Kafka assignment")
        if any(task.done() for task in self._tasks):
            missing.append("a part that ended")
        missing += _shortened(troubles([self.batch, self.polls, *self._marks()]))
        bucket = self._settings.minio_bucket
        kafka, absent, unpublished = await asyncio.gather(
            self._kafka_away(),
            absent_servers(context.database, context.storage, bucket),
            _unpublished(context),
        )
        # Without Kafka they cannot leave, which is told already.
        return missing + (kafka or unpublished) + absent

    async def lag(self) -> dict[str, Any]:
        """Tell how far behind it is; nothing before the start is over."""
        if self._context is None:
            return {}
        return await indexer_lag(self._context, self._consumer(), self)

    async def _kafka_away(self) -> list[str]:
        try:
            await self._kafka.ask(ANSWER_SECONDS)
        except KafkaUnreachable as error:
            return [error.waits_for]
        return []


async def _unpublished(context: Context) -> list[str]:
    """Tell of events that wait for too long, in whichever process they should have been sent."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            with limit_operations(ANSWER_SECONDS):
                now = await context.database.now()
                late = now - timedelta(seconds=UNPUBLISHED_SECONDS)
                oldest = await context.outbox.oldest_before(late)
    except (DatabaseUnavailable, TimeoutError):
        return []  # told already
    except Exception as error:
        # What no waiting mends must be told, and not end the answer.
        log.error("outbox cannot be looked at", exc_info=error)
        return [f"the outbox, which cannot be read ({type(error).__name__})"]
    if oldest is None:
        return []
    return [f"events that are not published (oldest {(now - oldest).total_seconds():.0f} s)"]


def _shortened(found: list[str]) -> list[str]:
    """Name the first ones, and count the others."""
    more = len(found) - MOST_TROUBLES
    return found if more <= 0 else [*found[:MOST_TROUBLES], f"{more} more of the kind"]
