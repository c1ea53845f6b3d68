"""Composition root of the notifier: all that it is made of is built and wired here.

Health answers over HTTP at once; behind it the parts wait for their servers, then work.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.applications import Starlette

from services.notifier.context import Context
from services.notifier.figures.counts import NotCounted
from services.notifier.figures.figures import Figures
from services.notifier.health import Health
from services.notifier.pipeline import prepare
from services.notifier.receiving.consumer import subscribe_to_model_events
from services.notifier.receiving.recording import record_batch
from services.notifier.sending.dispatcher import Dispatcher
from services.notifier.sending.sender import Sender
from shared.database.client import open_database
from shared.kafka.broker import disconnect, make_broker
from shared.kafka.connection import KafkaProbe
from shared.kafka.lag import consumer_of
from shared.kafka.pipeline import Tasks, run_parts
from shared.kafka.publishing import ConfirmedPublisher
from shared.kafka.topic_reader import RawMessage
from shared.runtime.settings import Settings
from shared.runtime.telemetry.metrics import Metrics, metrics_of
from shared.runtime.telemetry.tracing import traced
from shared.web.worker import make_worker


def create_app(settings: Settings) -> Starlette:
    """Return the service; its parts start with it, and wait for the servers by themselves."""
    metrics = metrics_of(settings)
    probe = KafkaProbe(settings)
    health = Health(probe)
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
        traced(settings, "notifier"),
        open_database(settings, metrics) as database,
        Sender.open(settings) as sender,
    ):
        counts = figures.counts if figures else NotCounted()
        context = Context.create(settings, database, counts)
        if figures:
            figures.watch(context, lambda: consumer_of(broker))
        await prepare(context, broker, probe, health)
        publisher = ConfirmedPublisher(broker, settings, counts.buried)
        dispatcher = Dispatcher(context, sender)

        async def on_messages(messages: tuple[RawMessage, ...]) -> None:
            async with health.batch_under_way(messages):
                if await record_batch(messages, context, publisher.bury):
                    dispatcher.wake()

        def on_start(tasks: Tasks) -> None:
            health.watch(context, tasks, [dispatcher.mark], lambda: consumer_of(broker))

        subscribe_to_model_events(broker, settings, on_messages, health)
        try:
            await run_parts([dispatcher.run()], broker, health, on_start)
        finally:
            await disconnect(broker)
