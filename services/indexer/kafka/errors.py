"""What can go wrong with Kafka, and the limit on each answer of it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from aiokafka.errors import KafkaError

from shared.domain.errors import Unavailable


class KafkaUnavailable(Unavailable):
    """Kafka does not confirm; whether the message arrived is unknown, so it is sent again."""

    def __init__(self, reason: str) -> None:
        super().__init__("kafka_unavailable", f"Kafka does not confirm: {reason}")


class KafkaUnreadable(Unavailable):
    """Kafka does not answer, or does not go on."""

    def __init__(self, reason: str) -> None:
        super().__init__("kafka_unavailable", f"Kafka cannot be read: {reason}")


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
