"""Composition root of the indexer: all that it is made of is built and wired here.

Health answers over HTTP at once; behind it the pipeline waits for its servers, then works.
"""

import asyncio
import signal
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.indexer.context import Context
from services.indexer.events.handler import handle_batch
from services.indexer.health import Health
from services.indexer.kafka.consumer import subscribe_to_bucket_events
from services.indexer.kafka.publisher import KafkaPublisher
from services.indexer.kafka.watch import KafkaWatch
from services.indexer.pipeline import prepare, run_parts
from services.indexer.publish.relay import Relay
from services.indexer.reconcile.periodic import periodic_parts
from services.indexer.reconcile.schedule import Reconciler
from services.indexer.work.workers import Workers
from shared.database.client import open_database
from shared.database.watch import stream_mark, watch_outbox
from shared.kafka.broker import disconnect, make_broker
from shared.kafka.connection import KafkaProbe
from shared.kafka.topic_reader import RawMessage
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark
from shared.runtime.settings import Settings
from shared.storage.adapter import open_storage

log = get_logger(__name__)


def create_app(settings: Settings) -> Starlette:
    """Return the service; its pipeline starts with it, and waits for the servers by itself."""
    probe = KafkaProbe(settings)
    health = Health(settings, probe)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        pipeline = asyncio.create_task(_run_pipeline(settings, probe, health))
        pipeline.add_done_callback(_end_process_on_failure)
        try:
            yield
        finally:
            pipeline.cancel()
            await asyncio.wait((pipeline,))

    async def live(request: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def ready(request: Request) -> JSONResponse:
        missing = await health.waits_for()
        return JSONResponse({"waits_for": missing}, 503 if missing else 200)

    routes = [Route("/health/live", live), Route("/health/ready", ready)]
    return Starlette(routes=routes, lifespan=lifespan)


async def _run_pipeline(settings: Settings, probe: KafkaProbe, health: Health) -> None:
    """Build the parts and run them until cancelled, which lets the batch under way end first."""
    broker = make_broker(settings)
    async with open_database(settings) as database, open_storage(settings) as storage:
        context = Context.create(settings, database, storage)
        await prepare(context, broker, probe, health)
        publisher = KafkaPublisher(broker, settings)
        relay = Relay(context, publisher)
        workers = Workers(context, publisher.bury)
        reconciler = Reconciler(context, workers.wake)
        periodic = periodic_parts(context)
        was_away = health.kafka_was_away
        kafka_watch = KafkaWatch(probe, reconciler.kafka_returned, was_away=was_away)

        async def on_messages(messages: tuple[RawMessage, ...]) -> None:
            async with health.batch_under_way():
                if await handle_batch(messages, context=context, bury=publisher.bury):
                    workers.wake()

        subscribe_to_bucket_events(broker, settings, on_messages, health)
        stream = stream_mark("outbox")

        def marks() -> Iterator[Mark]:
            yield from (*relay.marks(), *workers.marks(), reconciler.mark, stream)
            yield from (part.mark for part in (*periodic, kafka_watch))

        outbox_watch = watch_outbox(database, relay.wake, stream)
        parts = [relay.run(), workers.run(), reconciler.run(), outbox_watch]
        parts += [part.run() for part in (*periodic, kafka_watch)]
        try:
            await run_parts(parts, broker, context, health, marks)
        finally:
            await disconnect(broker)  # last: the parts publish with it


def _end_process_on_failure(task: asyncio.Task[None]) -> None:
    """End the process in order when the pipeline fails by a defect; the supervisor starts anew."""
    if not task.cancelled() and task.exception() is not None:
        log.error("pipeline failed", exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)
