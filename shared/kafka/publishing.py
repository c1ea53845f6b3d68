"""Publishing to Kafka, each message confirmed by all in-sync replicas; and dead letters."""

from collections.abc import Callable, Mapping

from faststream.kafka import KafkaBroker

from shared.kafka.dead_letters import DeadLetter
from shared.kafka.errors import MessageRefused, confirmed_within
from shared.runtime.logs import get_logger
from shared.runtime.settings import Settings

log = get_logger(__name__)


class ConfirmedPublisher:
    """Confirmed publishing; every method raises KafkaUnavailable and is then safe to repeat."""

    def __init__(
        self,
        broker: KafkaBroker,
        settings: Settings,
        on_buried: Callable[[], None] | None = None,
    ) -> None:
        self._broker = broker
        self._settings = settings
        self._on_buried = on_buried

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
        if self._on_buried is not None:
            self._on_buried()

    async def _bury(self, letter: DeadLetter) -> None:
        topic = self._settings.kafka_dead_letter_topic
        await self.confirmed(topic, letter.key, letter.value, letter.headers)

    async def confirmed(
        self, topic: str, key: bytes | None, value: bytes, headers: Mapping[str, str]
    ) -> None:
        """Publish a message; raises MessageRefused for one that Kafka never takes."""
        async with confirmed_within(self._settings.kafka_timeout_seconds):
            await self._broker.publish(value, topic, key=key, headers=dict(headers))
