"""Readiness of the notifier: partitions assigned, deliveries going out, servers answering."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer

from services.notifier.context import Context
from services.notifier.lag import notifier_lag
from shared.kafka.connection import KafkaProbe
from shared.kafka.consumer_health import ConsumerHealth
from shared.kafka.errors import KafkaUnreachable
from shared.runtime.progress import Mark, troubles
from shared.web.readiness import ANSWER_SECONDS, absent_servers

Consumer = Callable[[], AIOKafkaConsumer | None]


class Health(ConsumerHealth):
    """Watches the consumer and the dispatch."""

    def __init__(self, kafka: KafkaProbe) -> None:
        super().__init__("batch of model events")
        self._kafka = kafka
        self._context: Context | None = None
        self._tasks: Sequence[asyncio.Task[None]] = ()
        self._marks: Sequence[Mark] = ()
        self._consumer: Consumer = lambda: None

    def watch(
        self,
        context: Context,
        tasks: Sequence[asyncio.Task[None]],
        marks: Sequence[Mark],
        consumer: Consumer,
    ) -> None:
        """Start judging by these clients, tasks and marks."""
        self._context, self._tasks, self._marks = context, tasks, marks
        self._consumer, self.starting = consumer, ""

    async def waits_for(self) -> list[str]:
        """Name what is missing for events to be delivered now."""
        context = self._context
        if context is None:
            return [self.starting]
        missing: list[str] = [] if self.is_assigned else ["Kafka assignment"]
        if any(task.done() for task in self._tasks):
            missing.append("a part that ended")
        missing += troubles([self.batch, self.polls, *self._marks])
        kafka, absent = await asyncio.gather(
            self._kafka_away(),
            absent_servers(context.database, None, context.settings.minio_bucket),
        )
        return missing + kafka + absent

    async def lag(self) -> dict[str, Any]:
        """Tell how far behind it is; nothing before the start is over."""
        if self._context is None:
            return {}
        return await notifier_lag(self._context, self._consumer(), self)

    async def _kafka_away(self) -> list[str]:
        try:
            await self._kafka.ask(ANSWER_SECONDS)
        except KafkaUnreachable as error:
            return [error.waits_for]
        return []
