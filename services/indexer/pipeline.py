"""The order in which the indexer's parts start and end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from services.indexer.context import Context
from services.indexer.health import Health
from services.indexer.kafka.topics import TopicsUnfit, ensure_topics
from shared.database.errors import DatabaseUnavailable
from shared.database.indexes import IndexesMissing, verify_indexes
from shared.domain.errors import RegistryError
from shared.kafka.connection import KafkaProbe
from shared.kafka.consuming import start_consuming, stop_consuming
from shared.kafka.errors import KafkaUnreachable
from shared.runtime.progress import Mark
from shared.runtime.startup import TellsWhatItWaitsFor, until_done

KAFKA_ERRORS = (KafkaError, KafkaUnreachable, OSError)
WAITING = (DatabaseUnavailable, IndexesMissing)
REACH_SECONDS = 10.0
"""A broker that takes longer to let us in is away."""


async def prepare(context: Context, broker: KafkaBroker, probe: KafkaProbe, health: Health) -> None:
    """Wait for the servers, and make what the parts need; health tells which is waited for."""

    async def have_topics() -> None:
        await probe.ask(REACH_SECONDS)  # what comes after it does not say why it is not let in
        await ensure_topics(context.settings)

    async def connect() -> None:
        await broker.connect()  # the relay publishes before the first message is consumed

    async def wait_for(
        server: str, step: Callable[[], Awaitable[None]], errors: tuple[type[Exception], ...]
    ) -> None:
        def tell(failure: BaseException) -> None:
            health.kafka_was_away |= isinstance(failure, KAFKA_ERRORS)
            health.starting = (
                failure.waits_for if isinstance(failure, TellsWhatItWaitsFor) else server
            )

        health.starting = server
        await until_done(server, step, errors=errors, on_failure=tell)

    topics_errors = (*KAFKA_ERRORS, TopicsUnfit)
    await wait_for("Kafka", have_topics, topics_errors)
    await wait_for("MongoDB", lambda: verify_indexes(context.database), WAITING)
    await wait_for("MinIO", context.groups.prepare, (RegistryError,))
    await wait_for("Kafka", connect, KAFKA_ERRORS)


async def run_parts(
    parts: Iterable[Coroutine[Any, Any, None]],
    broker: KafkaBroker,
    context: Context,
    health: Health,
    marks: Callable[[], Iterable[Mark]],
) -> None:
    """Run the parts, which `marks` tells of, and consume until cancelled.

    At the end there are first no new messages, and the batch under way comes to its end; then the
    parts end, and give their leases back.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part) for part in parts]
        try:
            await until_done("Kafka", lambda: start_consuming(broker), errors=KAFKA_ERRORS)
            health.watch(context, tasks, marks)
            await asyncio.Event().wait()  # a task that fails, by a defect, cancels this too
        finally:
            await stop_consuming(broker)  # the group then cancels the tasks, each once
