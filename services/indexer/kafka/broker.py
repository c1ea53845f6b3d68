"""Kafka through FastStream: the broker, its end, and whether Kafka answers."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from shared.runtime.logs import get_logger
from shared.runtime.settings import Settings

BATCH_END_SECONDS = 5.0
"""At the end, the batch under way may take so long; then it is left to come again."""
STOP_SECONDS = 2.0
"""How long consumer and producer may each take to leave Kafka, which may be away."""

log = get_logger(__name__)


def make_broker(settings: Settings) -> KafkaBroker:
    """Return a broker whose every publish is confirmed by all in-sync replicas."""
    return KafkaBroker(
        settings.kafka_bootstrap_servers,
        acks="all",
        # One batch of a partition is under way at a time, so that order needs no idempotence. With
        # it, a message that Kafka refuses leaves a hole in aiokafka's numbers, and all that follows
        # in its partition is refused with OutOfOrderSequenceNumber until the process ends.
        enable_idempotence=False,
        request_timeout_ms=int(settings.kafka_timeout_seconds * 1000),
        graceful_timeout=BATCH_END_SECONDS,
        apply_types=False,
        log_level=logging.DEBUG,  # a line for each batch is too much
        logger=logging.getLogger("services.indexer.faststream"),
    )


@asynccontextmanager
async def ended_within(seconds: float, what: str) -> AsyncGenerator[None]:
    """Limit the end of a part, which goes on where Kafka does not let it end in order."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (KafkaError, TimeoutError) as error:
        log.warning(f"{what} not stopped", error=type(error).__name__)


async def disconnect(broker: KafkaBroker) -> None:
    """Close the producer; what is not confirmed by then is sent again by the next process."""
    async with ended_within(STOP_SECONDS, "producer"):
        await broker.stop()


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
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await client.close()
    return True
