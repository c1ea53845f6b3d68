"""Publishing to Kafka, each message confirmed by all in-sync replicas."""

import asyncio
from collections.abc import Mapping

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from services.indexer.kafka.dead_letters import DeadLetter
from services.indexer.kafka.errors import KafkaUnavailable
from shared.database.outbox import PendingEvent
from shared.domain.events import CONTENT_TYPE
from shared.runtime.settings import Settings


class KafkaPublisher:
    """Confirmed publishing; every method raises KafkaUnavailable and is then safe to repeat."""

    def __init__(self, broker: KafkaBroker, settings: Settings) -> None:
        self._broker = broker
        self._settings = settings

    async def send(self, event: PendingEvent) -> None:
        """Publish a model event, a CloudEvent under its model's name."""
        await self._confirmed(
            self._settings.kafka_model_events_topic,
            event.model.encode(),
            event.body,
            {"content-type": CONTENT_TYPE},
        )

    async def bury(self, letter: DeadLetter) -> None:
        """Put what could not be handled into the dead-letter topic."""
        await self._confirmed(
            self._settings.kafka_dead_letter_topic, letter.key, letter.value, letter.headers
        )

    async def _confirmed(
        self, topic: str, key: bytes | None, value: bytes, headers: Mapping[str, str]
    ) -> None:
        try:
            # An idempotent producer waits for ever while Kafka is away.
            async with asyncio.timeout(self._settings.kafka_timeout_seconds):
                await self._broker.publish(value, topic, key=key, headers=dict(headers))
        except (KafkaError, TimeoutError) as error:
            raise KafkaUnavailable(type(error).__name__) from error
