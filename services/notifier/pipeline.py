"""The order in which the notifier's parts start and end."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from services.notifier.context import Context
from services.notifier.health import Health
from services.notifier.receiving.consumer import TopicMissing, require_topics
from shared.database.errors import DatabaseUnavailable
from shared.database.indexes import IndexesMissing, verify_indexes
from shared.kafka.connection import KafkaProbe
from shared.kafka.consuming import start_consuming, stop_consuming
from shared.kafka.errors import KafkaUnreachable
from shared.runtime.startup import TellsWhatItWaitsFor, until_done

KAFKA_ERRORS = (KafkaError, KafkaUnreachable, OSError, TopicMissing)
WAITING = (DatabaseUnavailable, IndexesMissing)
REACH_SECONDS = 10.0
"""A broker that takes longer to let us in is away."""


async def prepare(context: Context, broker: KafkaBroker, probe: KafkaProbe, health: Health) -> None:
    """Wait for the servers and what others make there; health tells which is waited for."""

    async def have_topics() -> None:
        await probe.ask(REACH_SECONDS)  # what comes after it does not say why it is not let in
        await require_topics(context.settings)

    async def connect() -> None:
        await broker.connect()  # dead letters are sent before the first message is consumed

    async def wait_for(
        server: str, step: Callable[[], Awaitable[None]], errors: tuple[type[Exception], ...]
    ) -> None:
        def tell(failure: BaseException) -> None:
            health.starting = (
                failure.waits_for if isinstance(failure, TellsWhatItWaitsFor) else server
            )

        health.starting = server
        await until_done(server, step, errors=errors, on_failure=tell)

    await wait_for("Kafka", have_topics, KAFKA_ERRORS)
    await wait_for("MongoDB", lambda: verify_indexes(context.database), WAITING)
    await wait_for("Kafka", connect, KAFKA_ERRORS)


@asynccontextmanager
async def run_parts(
    parts: Iterable[Coroutine[Any, Any, None]], broker: KafkaBroker
) -> AsyncGenerator[Sequence[asyncio.Task[None]]]:
    """Run the parts, and consume, during the block; yields the parts' tasks.

    At the end there are first no new messages, and the batch under way comes to its end; then the
    parts end, and give what they hold back.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part) for part in parts]
        try:
            await until_done("Kafka", lambda: start_consuming(broker), errors=KAFKA_ERRORS)
            yield tasks
        finally:
            await stop_consuming(broker)
            for task in tasks:
                task.cancel()


def consumer_of(broker: KafkaBroker) -> Any:
    """Return aiokafka's consumer, which knows how far it is; None while there is none."""
    for subscriber in broker.subscribers:
        return getattr(subscriber, "consumer", None)
    return None
