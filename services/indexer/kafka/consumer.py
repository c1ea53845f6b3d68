"""Bucket events come in batches, each acknowledged when its handler has returned."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from aiokafka.abc import ConsumerRebalanceListener
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from services.indexer.kafka.broker import BATCH_END_SECONDS
from shared.kafka.connection import STOP_SECONDS, ended_within
from shared.kafka.topic_reader import RawMessage
from shared.runtime.logs import get_logger
from shared.runtime.settings import Settings

log = get_logger(__name__)

HandleBatch = Callable[[tuple[RawMessage, ...]], Awaitable[None]]
"""Returns when all that the batch tells is durable; an error gives the batch back to Kafka."""


def subscribe_to_bucket_events(
    broker: KafkaBroker,
    settings: Settings,
    handle: HandleBatch,
    listener: ConsumerRebalanceListener,
) -> None:
    """Register `handle` for the batches of bucket events; they come once consuming starts."""

    @broker.subscriber(
        settings.kafka_bucket_events_topic,
        group_id=settings.kafka_indexer_group,
        auto_offset_reset="earliest",  # "latest" would lose what came before the first start
        ack_policy=AckPolicy.NACK_ON_ERROR,  # the default acknowledges before the work is done
        batch=True,
        max_records=settings.indexer_batch_size,
        # FastStream sleeps this long after an empty poll, so it bounds the delay of an event.
        batch_timeout_ms=5,
        listener=listener,
        parser=parse_tolerantly,
        decoder=decode_nothing,
    )
    async def on_bucket_events(messages: tuple[RawMessage, ...]) -> None:
        await handle(messages)


async def parse_tolerantly(
    messages: tuple[RawMessage, ...], original: Callable[[Any], Awaitable[KafkaMessage]]
) -> KafkaMessage:
    """Keep FastStream's parser from headers that it cannot decode; they stay in `raw_message`."""
    message = await original(tuple(replace(each, headers=()) for each in messages))
    message.raw_message = messages
    return message


async def decode_nothing(message: KafkaMessage) -> tuple[RawMessage, ...]:
    """Give the handler the messages as they are: a bad one must not fail its whole batch."""
    messages = message.raw_message
    return messages if isinstance(messages, tuple) else (messages,)


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
    async with ended_within(BATCH_END_SECONDS + STOP_SECONDS, "consumer"):
        for subscriber in broker.subscribers:
            await subscriber.stop()
