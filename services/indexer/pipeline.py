"""The pipeline: it waits for its servers, then consumes, relays and works until it is cancelled."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from services.indexer.context import Context
from services.indexer.dead_letters import RawRecord
from services.indexer.handler import handle_batch
from services.indexer.health import Health
from services.indexer.messaging import (
    Publisher,
    decode_nothing,
    disconnect,
    ensure_topics,
    make_broker,
    parse_tolerantly,
    start_consuming,
    stop_consuming,
)
from services.indexer.reconcile import Reconciler
from services.indexer.relay import Relay
from services.indexer.work import Workers
from shared.database import DatabaseError, ensure_indexes, open_database, watch
from shared.errors import RegistryError
from shared.settings import Settings
from shared.startup import until_done
from shared.storage import open_storage

KAFKA_ERRORS = (KafkaError, OSError)


async def run_pipeline(settings: Settings, health: Health) -> None:
    """Work until cancelled, which lets the batch under way end first."""
    broker = make_broker(settings)
    async with open_database(settings) as database, open_storage(settings) as storage:
        context = Context.create(settings, database, storage)
        await _prepare(context, health)
        await _wait_for("Kafka", lambda: _connect(broker), KAFKA_ERRORS, health)
        publisher = Publisher(broker, settings)
        relay = Relay(context, publisher.model_event)
        workers = Workers(context, publisher.dead_letter)
        _subscribe(broker, context, publisher, workers, health)
        work: list[Coroutine[Any, Any, None]] = [
            relay.run(),
            workers.run(),
            Reconciler(context, workers.wake).run(),
            watch(database.outbox, ["insert"], relay.wake, field="fullDocument.lane"),
        ]
        # At the end: first no new messages, and the batch under way to its end; then the workers,
        # which give their leases back; last what they publish with.
        try:
            await _work_and_consume(work, broker, context, health)
        finally:
            await disconnect(broker)


async def _work_and_consume(
    work: Iterable[Coroutine[Any, Any, None]], broker: KafkaBroker, context: Context, health: Health
) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        try:
            await until_done("Kafka", lambda: start_consuming(broker), errors=KAFKA_ERRORS)
            health.watch(context, tasks)
            await asyncio.Event().wait()  # a task that fails, by a defect, cancels this too
        finally:
            await stop_consuming(broker)  # the group then cancels the tasks, each once


async def _connect(broker: KafkaBroker) -> None:
    await broker.connect()  # the relay publishes before the first message is consumed


async def _prepare(context: Context, health: Health) -> None:
    """Wait for the servers, and make what the work needs."""
    await _wait_for("Kafka", lambda: ensure_topics(context.settings), KAFKA_ERRORS, health)
    await _wait_for("MongoDB", lambda: ensure_indexes(context.database), (DatabaseError,), health)
    await _wait_for("MinIO", context.groups.prepare, (RegistryError, DatabaseError), health)


async def _wait_for(
    server: str,
    work: Callable[[], Awaitable[None]],
    errors: tuple[type[Exception], ...],
    health: Health,
) -> None:
    health.starting = server
    await until_done(server, work, errors=errors)


def _subscribe(
    broker: KafkaBroker,
    context: Context,
    publisher: Publisher,
    workers: Workers,
    health: Health,
) -> None:
    settings = context.settings

    @broker.subscriber(
        settings.kafka_bucket_events_topic,
        group_id=settings.kafka_indexer_group,
        auto_offset_reset="earliest",  # "latest" would lose what came before the first start
        ack_policy=AckPolicy.NACK_ON_ERROR,  # the default acknowledges before the work is done
        batch=True,
        max_records=settings.indexer_batch_size,
        # FastStream sleeps this long after an empty poll, so it bounds the delay of an event.
        batch_timeout_ms=5,
        listener=health,
        parser=parse_tolerantly,
        decoder=decode_nothing,
    )
    async def on_bucket_events(records: tuple[RawRecord, ...]) -> None:
        health.begun()
        try:
            if await handle_batch(records, context=context, bury=publisher.dead_letter):
                workers.wake()
        finally:
            health.ended()
