"""Publishing to Kafka, each message confirmed by all in-sync replicas."""

from collections.abc import Mapping

from faststream.kafka import KafkaBroker

from services.indexer.kafka.dead_letters import DeadLetter
from services.indexer.publish.sink import EventRefused
from shared.database.outbox import PendingEvent
from shared.domain.events import CONTENT_TYPE
from shared.kafka.errors import MessageRefused, confirmed_within
from shared.runtime.logs import get_logger
from shared.runtime.settings import Settings

log = get_logger(__name__)


class KafkaPublisher:
    """Confirmed publishing; every method raises KafkaUnavailable and is then safe to repeat."""

    def __init__(self, broker: KafkaBroker, settings: Settings) -> None:
        self._broker = broker
        self._settings = settings

    async def send(self, event: PendingEvent) -> None:
        """Publish a model event, a CloudEvent under its model's name; raises EventRefused."""
        try:
            await self._confirmed(
                self._settings.kafka_model_events_topic,
                event.model.encode(),
                event.body,
                {"content-type": CONTENT_TYPE},
            )
        except MessageRefused as error:
            raise EventRefused(str(error)) from error

    async def bury(self, letter: DeadLetter) -> None:
        """Put what could not be handled into the dead-letter topic.

        Where Kafka does not take it, what tells of it is put there without its content.
        """
        try:
            await self._bury(letter)
        except MessageRefused as error:
            log.error("dead letter too large", error=str(error), bytes=len(letter.value))
            try:
                await self._bury(letter.without_content())
            except MessageRefused as again:
                # Its batch must go on, and its origin stays in the log.
                log.error("dead letter lost", error=str(again), headers=letter.headers)

    async def _bury(self, letter: DeadLetter) -> None:
        topic = self._settings.kafka_dead_letter_topic
        await self._confirmed(topic, letter.key, letter.value, letter.headers)

    async def _confirmed(
        self, topic: str, key: bytes | None, value: bytes, headers: Mapping[str, str]
    ) -> None:
        async with confirmed_within(self._settings.kafka_timeout_seconds):
            await self._broker.publish(value, topic, key=key, headers=dict(headers))
