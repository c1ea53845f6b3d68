"""Kafka through FastStream: the broker, the tolerant parser, confirmed publishing, dead letters."""

import asyncio
import base64
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from faststream.kafka import KafkaBroker, KafkaMessage

from services.indexer.bucket_events import PoisonMessage
from shared.database import PendingEvent
from shared.errors import Unavailable
from shared.events import CONTENT_TYPE
from shared.settings import Settings

RawRecord = ConsumerRecord[bytes, bytes]
MAX_DEAD_LETTER_BYTES = 900_000
"""Under Kafka's default limit of 1 MiB for one message, headers included."""


class KafkaUnavailable(Unavailable):
    """Kafka does not confirm; whether the message arrived is unknown, so it is sent again."""

    def __init__(self, reason: str) -> None:
        super().__init__("kafka_unavailable", f"Kafka does not confirm: {reason}")


def make_broker(settings: Settings) -> KafkaBroker:
    """Return a broker whose every publish is confirmed by all in-sync replicas."""
    return KafkaBroker(
        settings.kafka_bootstrap_servers,
        acks="all",
        enable_idempotence=True,
        request_timeout_ms=int(settings.kafka_timeout_seconds * 1000),
        graceful_timeout=15.0,
        apply_types=False,
        log_level=logging.DEBUG,  # a line for each batch is too much
        logger=logging.getLogger("services.indexer.faststream"),
    )


async def ensure_topics(settings: Settings) -> None:
    """Make the topics that are missing; raises KafkaError."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    try:
        await admin.start()
        names = (
            settings.kafka_bucket_events_topic,
            settings.kafka_model_events_topic,
            settings.kafka_dead_letter_topic,
        )
        partitions, replicas = settings.kafka_topic_partitions, settings.kafka_replication_factor
        topics = [NewTopic(name, partitions, replicas) for name in names]
        answer: Any = await admin.create_topics(topics)
        for _name, code, *_message in answer.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise error
    finally:
        await admin.close()


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

    async def dead_letter(self, record: RawRecord, error: PoisonMessage) -> None:
        """Keep a poison message with its reason, traceback, origin and headers."""
        value = record.value or b""
        headers = {
            "reason": str(error),
            "traceback": "".join(traceback.format_exception(error))[-4000:],
            "original-topic": record.topic,
            "original-partition": str(record.partition),
            "original-offset": str(record.offset),
            "original-timestamp-ms": str(record.timestamp),
        }
        for name, content in list(record.headers)[:32]:
            headers[f"original-header-{name[:100]}"] = _text(content)[:1000]
        if len(value) > MAX_DEAD_LETTER_BYTES:
            headers["truncated-from-bytes"] = str(len(value))
            value = value[:MAX_DEAD_LETTER_BYTES]
        key = (record.key or b"")[:1000] or None
        await self._confirmed(self._settings.kafka_dead_letter_topic, key, value, headers)

    async def _confirmed(
        self, topic: str, key: bytes | None, value: bytes, headers: Mapping[str, str]
    ) -> None:
        try:
            # An idempotent producer waits for ever while Kafka is away.
            async with asyncio.timeout(self._settings.kafka_timeout_seconds):
                await self._broker.publish(value, topic, key=key, headers=dict(headers))
        except (KafkaError, TimeoutError) as error:
            raise KafkaUnavailable(type(error).__name__) from error


def _text(content: bytes | None) -> str:
    if content is None:
        return ""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(content).decode()}"
