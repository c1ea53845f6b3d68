"""Consuming by FastStream: messages as they are, and an end that loses none of them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import chain
from typing import Any

from aiokafka.abc import ConsumerRebalanceListener
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from shared.kafka.broker import BATCH_END_SECONDS
from shared.kafka.connection import STOP_SECONDS, ended_within
from shared.kafka.topic_reader import RawMessage

HandleBatch = Callable[[tuple[RawMessage, ...]], Awaitable[None]]
"""Returns when all that the batch tells is durable; an error gives the batch back to Kafka."""
POLL_MILLISECONDS = 1000
"""How long one poll waits for messages; it returns as soon as there are some."""


def subscribe(
    broker: KafkaBroker,
    topic: str,
    group: str,
    handle: HandleBatch,
    listener: ConsumerRebalanceListener,
    *,
    batch_size: int,
) -> None:
    """Register `handle` for a topic's batches; they come to it once consuming starts."""
    subscriber: Any = broker.subscriber(
        topic,
        group_id=group,
        auto_offset_reset="earliest",  # "latest" would lose what came before the first start
        ack_policy=AckPolicy.NACK_ON_ERROR,  # the default acknowledges before the work is done
        batch=True,
        max_records=batch_size,
        listener=listener,
        parser=parse_tolerantly,
        decoder=decode_nothing,
    )

    async def get_batch(consumer: Any) -> tuple[RawMessage, ...]:
        found = await consumer.getmany(timeout_ms=POLL_MILLISECONDS, max_records=batch_size)
        return tuple(chain.from_iterable(found.values()))

    # FastStream's own sleeps after an empty poll for as long as it polled. So it either lets
    # messages wait, or polls all the time: 100 times a second, it took 3% of a core.
    subscriber.get_msg = get_batch

    async def on_batch(messages: tuple[RawMessage, ...]) -> None:
        await handle(messages)

    subscriber(on_batch)


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
