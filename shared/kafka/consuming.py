"""Consuming by FastStream: messages as they are, and an end that loses none of them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from faststream.kafka import KafkaBroker, KafkaMessage

from shared.kafka.broker import BATCH_END_SECONDS
from shared.kafka.connection import STOP_SECONDS, ended_within
from shared.kafka.topic_reader import RawMessage

HandleBatch = Callable[[tuple[RawMessage, ...]], Awaitable[None]]
"""Returns when all that the batch tells is durable; an error gives the batch back to Kafka."""


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
