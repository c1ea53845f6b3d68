"""Composition root of the indexer: what it is made of, and in which order it starts and stops."""

import asyncio
import logging
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from faststream.kafka import KafkaBroker

from services.indexer.context import Context
from services.indexer.full_reads import FullReads
from services.indexer.handler import handle_batch
from services.indexer.health import Health
from services.indexer.messaging import (
    Publisher,
    RawRecord,
    decode_nothing,
    ensure_topics,
    make_broker,
    parse_tolerantly,
)
from services.indexer.relay import Relay
from shared.database import DatabaseError, ensure_indexes, open_database, watch
from shared.errors import RegistryError
from shared.logs import get_logger
from shared.settings import Settings
from shared.startup import until_done
from shared.storage import open_storage

log = get_logger(__name__)


def create_app(settings: Settings) -> AsgiFastStream:
    """Return the worker; it opens its clients when it starts."""
    broker = make_broker(settings)
    health = Health(settings)

    @asynccontextmanager
    async def lifespan() -> AsyncGenerator[None]:
        async with open_database(settings) as database, open_storage(settings) as storage:
            context = Context.create(settings, database, storage)
            await _prepare(context)
            await broker.connect()  # the relay publishes before the first message is consumed
            publisher = Publisher(broker, settings)
            relay = Relay(context, publisher.model_event)
            full_reads = FullReads(context)
            _subscribe(broker, context, publisher, full_reads, health)
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(relay.run()),
                    group.create_task(full_reads.run()),
                    group.create_task(
                        watch(database.outbox, ["insert"], relay.wake, field="fullDocument.lane")
                    ),
                ]
                for task in tasks:
                    task.add_done_callback(_end_process_on_failure)
                health.watch(context, tasks)
                yield
                for task in tasks:
                    task.cancel()

    @get
    async def live(scope: object) -> AsgiResponse:
        return AsgiResponse(b'{"status":"alive"}', 200, {"content-type": "application/json"})

    return AsgiFastStream(
        broker,
        logger=logging.getLogger("services.indexer.faststream"),
        lifespan=lifespan,
        asgi_routes=[("/health/live", live), ("/health/ready", health.route)],
    )


def _end_process_on_failure(task: asyncio.Task[None]) -> None:
    """A worker that fails is a defect: end in order, and let the supervisor start anew."""
    if not task.cancelled() and task.exception() is not None:
        log.error("worker failed", exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)


async def _prepare(context: Context) -> None:
    """Wait for the servers, and make what the work needs."""

    async def kafka() -> None:
        await ensure_topics(context.settings)

    async def database() -> None:
        await ensure_indexes(context.database)

    async def storage() -> None:
        await context.groups.provision(context.settings.minio_bucket)

    await until_done("Kafka", kafka, errors=(KafkaError, OSError))
    await until_done("MongoDB", database, errors=(DatabaseError,))
    await until_done("MinIO", storage, errors=(RegistryError, DatabaseError))


def _subscribe(
    broker: KafkaBroker,
    context: Context,
    publisher: Publisher,
    full_reads: FullReads,
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
        if await handle_batch(records, context=context, dead_letter=publisher.dead_letter):
            full_reads.wake()
        health.progressed()
