"""The notifier's figures: named as the process starts, told as soon as its servers are there."""

import asyncio
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer

from services.notifier.context import Context
from services.notifier.figures.counts import Counted
from services.notifier.health import Health
from shared.database.client import limit_operations
from shared.database.depths import count_waiting_deliveries, depth_of_delivery_queues
from shared.kafka.lag import lag_of
from shared.runtime.telemetry.metrics import Metrics
from shared.runtime.telemetry.samples import Figure, Question, Readings
from shared.web.readiness import ANSWER_SECONDS
from shared.web.standing import standing

UNREAD = Figure(
    "registry_model_events_behind",
    "Model events of this process's partitions that are not recorded for webhooks yet",
)
UNREAD_AGE = Figure(
    "registry_model_events_age_seconds", "Age of the oldest model event that is being recorded"
)
WAITING = Figure(
    "registry_deliveries_waiting",
    "Deliveries that wait, those that rest after a failure included, at least: 1000 are counted"
    " at most",
)
QUEUES_DUE = Figure(
    "registry_delivery_queues_due",
    "Queues of deliveries, one for each webhook and model, that are due, at least: 1000 are counted"
    " at most",
)
QUEUES_AGE = Figure(
    "registry_delivery_queues_age_seconds",
    "How long the oldest queue of deliveries has been due; one that rests after a failure is not",
)


class Figures:
    """What the notifier tells. Questions about the database are answered once it is there."""

    def __init__(self, metrics: Metrics, health: Health) -> None:
        self.counts = Counted(metrics.registry)
        self._health = health
        self._context: Context | None = None
        self._consumer: Callable[[], AIOKafkaConsumer | None] = lambda: None
        for question in (
            standing(health.waits_for),
            Question("model events", (UNREAD, UNREAD_AGE), self._model_events),
            Question("deliveries", (WAITING, QUEUES_DUE, QUEUES_AGE), self._deliveries),
        ):
            metrics.samples.add(question)

    def watch(self, context: Context, consumer: Callable[[], AIOKafkaConsumer | None]) -> None:
        """Tell from now on what these clients answer."""
        self._context, self._consumer = context, consumer

    async def _model_events(self) -> Readings:
        lag = await lag_of(self._consumer(), self._health)
        if lag is None:
            return {}
        return {UNREAD: {(): float(lag.records)}, UNREAD_AGE: {(): lag.age_seconds}}

    async def _deliveries(self) -> Readings:
        if self._context is None:
            return {}
        database = self._context.database
        known = self._context.subscriptions.known()
        without = [each.id for each in known if not each.is_sending]
        with limit_operations(ANSWER_SECONDS):
            waiting, queues = await asyncio.gather(
                count_waiting_deliveries(database),
                depth_of_delivery_queues(database, without=without),
            )
        return {
            WAITING: {(): float(waiting)},
            QUEUES_DUE: {(): float(queues.count)},
            QUEUES_AGE: {(): queues.seconds},
        }
