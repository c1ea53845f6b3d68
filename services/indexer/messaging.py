"""Kafka through FastStream: the broker, the tolerant parser, confirmed publishing, dead letters."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from faststream.kafka import KafkaBroker, KafkaMessage

from services.indexer.dead_letters import DeadLetter, RawRecord
from shared.database import PendingEvent
from shared.errors import Unavailable
from shared.events import CONTENT_TYPE
from shared.logs import get_logger
from shared.settings import Settings

BATCH_END_SECONDS = 5.0
"""At the end, the batch under way may take so long; then it is left to come again."""
STOP_SECONDS = 2.0
"""How long consumer and producer may each take to leave Kafka, which may be away."""

log = get_logger(__name__)


class KafkaUnavailable(Unavailable):
    """Kafka does not confirm; whether the message arrived is unknown, so it is sent again."""

    def __init__(self, reason: str) -> None:
        super().__init__("kafka_unavailable", f"Kafka does not confirm: {reason}")


@asynccontextmanager
async def answered_within(
    seconds: float, failure: Callable[[str], Unavailable]
) -> AsyncGenerator[None]:
    """Limit what the block asks of Kafka, and raise `failure` where it fails or takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (KafkaError, TimeoutError, OSError) as error:
        raise failure(type(error).__name__) from error


def make_broker(settings: Settings) -> KafkaBroker:
    """Return a broker whose every publish is confirmed by all in-sync replicas."""
    return KafkaBroker(
        settings.kafka_bootstrap_servers,
        acks="all",
        enable_idempotence=True,
        request_timeout_ms=int(settings.kafka_timeout_seconds * 1000),
        graceful_timeout=BATCH_END_SECONDS,
        apply_types=False,
        log_level=logging.DEBUG,  # a line for each batch is too much
        logger=logging.getLogger("services.indexer.faststream"),
    )


async def ensure_topics(settings: Settings) -> None:
    """Make the topics that are missing; raises KafkaError."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    try:
        await admin.start()
        # Kafka forgets after seven days unless told otherwise; records are rebuilt from the first.
        kept = {"retention.ms": "-1", "retention.bytes": "-1"}
        names: dict[str, dict[str, str]] = {
            settings.kafka_bucket_events_topic: {},
            settings.kafka_model_events_topic: kept,
            settings.kafka_dead_letter_topic: kept,
        }
        partitions, replicas = settings.kafka_topic_partitions, settings.kafka_replication_factor
        topics = [
            NewTopic(name, partitions, replicas, topic_configs=configs)
            for name, configs in names.items()
        ]
        answer: Any = await admin.create_topics(topics)
        for _name, code, *_message in answer.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise error
    finally:
        await admin.close()


async def start_consuming(broker: KafkaBroker) -> None:
    """Start the consumers; raises KafkaError, and may then be called again."""
    try:
        await broker.start()
    except Exception:
        for subscriber in broker.subscribers:
            await subscriber.stop()  # else the next start would forget an open consumer
        raise


async def stop_consuming(broker: KafkaBroker) -> None:
    """Take no new messages, and let the batch under way end, for some seconds."""
    try:
        async with asyncio.timeout(BATCH_END_SECONDS + STOP_SECONDS):
            for subscriber in broker.subscribers:
                await subscriber.stop()
    except (KafkaError, TimeoutError) as error:
        log.warning("consumer not stopped", error=type(error).__name__)


async def disconnect(broker: KafkaBroker) -> None:
    """Close the producer; what is not confirmed by then is sent again by the next process."""
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await broker.stop()
    except (KafkaError, TimeoutError) as error:
        log.warning("producer not stopped", error=type(error).__name__)


async def kafka_answers(settings: Settings, seconds: float) -> bool:
    """Whether a broker tells of its topics now; a connection that is there may be a dead one."""
    client: Any = AIOKafkaClient(
        bootstrap_servers=settings.kafka_bootstrap_servers, request_timeout_ms=int(seconds * 1000)
    )
    try:
        async with asyncio.timeout(seconds):
            await client.bootstrap()
    except (KafkaError, OSError):  # TimeoutError is one
        return False
    finally:
        await client.close()
    return True


async def parse_tolerantly(
    records: tuple[RawRecord, ...], original: Callable[[Any], Awaitable[KafkaMessage]]
) -> KafkaMessage:
    """Keep FastStream's parser from headers that it cannot decode; they stay in `raw_message`."""
    message = await original(tuple(replace(record, headers=()) for record in records))
    message.raw_message = records
    return message


async def decode_nothing(message: KafkaMessage) -> tuple[RawRecord, ...]:
    """Give the handler the records as they are: a bad one must not fail its whole batch."""
    records = message.raw_message
    return records if isinstance(records, tuple) else (records,)


class Publisher:
    """Confirmed publishing; every method raises KafkaUnavailable and is then safe to repeat."""

    def __init__(self, broker: KafkaBroker, settings: Settings) -> None:
        self._broker = broker
        self._settings = settings

    async def model_event(self, event: PendingEvent) -> None:
        """Publish a CloudEvent under its model's name."""
        await self._confirmed(
            self._settings.kafka_model_events_topic,
            event.model.encode(),
            event.body,
            {"content-type": CONTENT_TYPE},
        )

    async def dead_letter(self, letter: DeadLetter) -> None:
        """Keep what could not be handled."""
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
