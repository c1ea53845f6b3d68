"""The indexer's figures: named as the process starts, told as soon as its servers are there."""

import asyncio
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer

from services.indexer.context import Context
from services.indexer.figures.counts import Counted
from services.indexer.health import Health
from shared.database.client import limit_operations
from shared.database.depths import (
    WORK_KINDS,
    Depth,
    depth_of_folders,
    depth_of_outbox,
    depth_of_work,
)
from shared.kafka.lag import lag_of
from shared.runtime.telemetry.metrics import Metrics
from shared.runtime.telemetry.samples import Figure, Question, Readings
from shared.web.readiness import ANSWER_SECONDS
from shared.web.standing import standing

UNREAD = Figure(
    "registry_bucket_events_behind",
    "Bucket events of this process's partitions that are not handled yet",
)
UNREAD_AGE = Figure(
    "registry_bucket_events_age_seconds", "Age of the oldest bucket event that is being handled"
)
OUTBOX = Figure(
    "registry_outbox_entries",
    "Entries of the outbox that are not published yet, at least: 1000 are counted at most",
)
OUTBOX_AGE = Figure(
    "registry_outbox_age_seconds", "How long the oldest entry of the outbox has been waiting"
)
WORK = Figure(
    "registry_work_due",
    "What is due for workers, by kind, at least: 1000 are counted at most",
    ("kind",),
)
WORK_AGE = Figure(
    "registry_work_age_seconds", "How long the oldest work has been due, by kind", ("kind",)
)
ADOPT = "adopt"
"""The kind of work that is left to do for a folder of found objects; all others are of versions."""


class Figures:
    """What the indexer tells. Questions about the database are answered once it is there."""

    def __init__(self, metrics: Metrics, health: Health) -> None:
        self.counts = Counted(metrics.registry)
        self._health = health
        self._context: Context | None = None
        self._consumer: Callable[[], AIOKafkaConsumer | None] = lambda: None
        for question in (
            standing(health.waits_for),
            Question("bucket events", (UNREAD, UNREAD_AGE), self._bucket_events),
            Question("outbox", (OUTBOX, OUTBOX_AGE), self._outbox),
            Question("work", (WORK, WORK_AGE), self._work),
        ):
            metrics.samples.add(question)

    def watch(self, context: Context, consumer: Callable[[], AIOKafkaConsumer | None]) -> None:
        """Tell from now on what these clients answer."""
        self._context, self._consumer = context, consumer

    async def _bucket_events(self) -> Readings:
        lag = await lag_of(self._consumer(), self._health)
        if lag is None:
            return {}
        return {UNREAD: {(): float(lag.records)}, UNREAD_AGE: {(): lag.age_seconds}}

    async def _outbox(self) -> Readings:
        if self._context is None:
            return {}
        with limit_operations(ANSWER_SECONDS):
            depth = await depth_of_outbox(self._context.database)
        return {OUTBOX: {(): float(depth.count)}, OUTBOX_AGE: {(): depth.seconds}}

    async def _work(self) -> Readings:
        if self._context is None:
            return {}
        database = self._context.database
        with limit_operations(ANSWER_SECONDS):
            of_versions = (depth_of_work(database, kind) for kind in WORK_KINDS)
            found: list[Depth] = await asyncio.gather(*of_versions, depth_of_folders(database))
        depths = dict(zip((*WORK_KINDS, ADOPT), found, strict=True))
        return {
            WORK: {(kind,): float(depth.count) for kind, depth in depths.items()},
            WORK_AGE: {(kind,): depth.seconds for kind, depth in depths.items()},
        }
