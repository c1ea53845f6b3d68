"""Sending messages to Kafka again, each confirmed by all in-sync replicas."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer

from shared.kafka.connection import kafka_options
from shared.kafka.errors import KafkaUnavailable, answered_within
from shared.kafka.letters import Original
from shared.runtime.settings import Settings

Send = Callable[[Original], Awaitable[None]]
"""Returns once Kafka has confirmed the message; raises KafkaUnavailable."""


@asynccontextmanager
async def open_sender(settings: Settings) -> AsyncGenerator[Send]:
    """Connect a producer to Kafka, and close it at the end; raises KafkaUnavailable."""
    limit = settings.kafka_timeout_seconds
    producer: Any = AIOKafkaProducer(
        **kafka_options(settings),
        acks="all",
        enable_idempotence=True,
        request_timeout_ms=int(limit * 1000),
    )

    async def send(message: Original) -> None:
        async with answered_within(limit, KafkaUnavailable):
            await producer.send_and_wait(
                message.topic, message.value, key=message.key, headers=list(message.headers)
            )

    try:
        async with answered_within(limit, KafkaUnavailable):
            await producer.start()
        yield send
    finally:
        # It would wait for ever for a message that Kafka does not confirm.
        async with answered_within(limit, KafkaUnavailable):
            await producer.stop()
