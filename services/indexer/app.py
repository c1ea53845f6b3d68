"""Composition root of the indexer: all that it is made of is built and wired here.

Health answers over HTTP at once; behind it the pipeline waits for its servers, then works.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

from starlette.applications import Starlette

from services.indexer.context import Context
from services.indexer.events.handler import handle_batch
from services.indexer.figures.counts import NotCounted
from services.indexer.figures.figures import Figures
from services.indexer.health import Health
from services.indexer.kafka.consumer import subscribe_to_bucket_events
from services.indexer.kafka.publisher import KafkaPublisher
from services.indexer.kafka.watch import KafkaWatch
from services.indexer.pipeline import prepare
from services.indexer.publish.relay import Relay
from services.indexer.reconcile.periodic import periodic_parts
from services.indexer.reconcile.schedule import Reconciler
from services.indexer.work.workers import Workers
from shared.database.client import open_database
from shared.database.watch import stream_mark, watch_outbox
from shared.kafka.broker import disconnect, make_broker
from shared.kafka.connection import KafkaProbe
from shared.kafka.lag import consumer_of
from shared.kafka.pipeline import Tasks, run_parts
from shared.kafka.topic_reader import RawMessage
from shared.runtime.progress import Mark
from shared.runtime.settings import Settings
from shared.runtime.telemetry.metrics import Metrics, metrics_of
from shared.runtime.telemetry.tracing import traced
from shared.storage.adapter import open_storage
from shared.web.worker import make_worker


def create_app(settings: Settings) -> Starlette:
    """Return the service; its pipeline starts with it, and waits for the servers by itself."""
    metrics = metrics_of(settings)
    probe = KafkaProbe(settings)
    health = Health(settings, probe)
    figures = Figures(metrics, health) if metrics else None

    async def readiness() -> dict[str, Any]:
        waits_for, lag = await asyncio.gather(health.waits_for(), health.lag())
        return {"waits_for": waits_for, "lag": lag}

    def run() -> Coroutine[Any, Any, None]:
        return _run_pipeline(settings, probe, health, metrics, figures)

    return make_worker(run, readiness, metrics)


async def _run_pipeline(
    settings: Settings,
    probe: KafkaProbe,
    health: Health,
    metrics: Metrics | None,
    figures: Figures | None,
) -> None:
    """Build the parts and run them until cancelled, which lets the batch under way end first."""
    broker = make_broker(settings)
    async with (
        traced(settings, "indexer"),
        open_database(settings, metrics) as database,
        open_storage(settings) as storage,
    ):
        counts = figures.counts if figures else NotCounted()
        context = Context.create(settings, database, storage, counts)
        if figures:
            figures.watch(context, lambda: consumer_of(broker))
        await prepare(context, broker, probe, health)
        publisher = KafkaPublisher(broker, settings, counts)
        relay = Relay(context, publisher)
        workers = Workers(context, publisher.bury)
        reconciler = Reconciler(context, workers.wake)
        periodic = periodic_parts(context)
        was_away = health.kafka_was_away
        kafka_watch = KafkaWatch(probe, reconciler.kafka_returned, was_away=was_away)

        async def on_messages(messages: tuple[RawMessage, ...]) -> None:
            async with health.batch_under_way(messages):
                if await handle_batch(messages, context=context, bury=publisher.bury):
                    workers.wake()

        subscribe_to_bucket_events(broker, settings, on_messages, health)
        stream = stream_mark("outbox")

        def marks() -> Iterator[Mark]:
            yield from (*relay.marks(), *workers.marks(), reconciler.mark, stream)
            yield from (part.mark for part in (*periodic, kafka_watch))

        def on_start(tasks: Tasks) -> None:
            health.watch(context, tasks, marks, lambda: consumer_of(broker))

        outbox_watch = watch_outbox(database, relay.wake, stream)
        parts = [relay.run(), workers.run(), reconciler.run(), outbox_watch]
        parts += [part.run() for part in (*periodic, kafka_watch)]
        try:
            await run_parts(parts, broker, health, on_start)
        finally:
            await disconnect(broker)  # last: the parts publish with it
