"""Readiness of the indexer: partitions assigned, work going on, servers answering."""

import asyncio
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from time import monotonic

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener

from services.indexer.context import Context
from services.indexer.kafka.broker import kafka_answers
from shared.runtime.settings import Settings
from shared.web.readiness import ANSWER_SECONDS, absent_servers

STUCK_SECONDS = 90.0
"""A batch that takes longer is stuck: the handler's patience with a server is 60 seconds."""


class Health(ConsumerRebalanceListener):
    """Watches the worker; a rebalance listener, since only assignment shows that it consumes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._assigned: set[TopicPartition] | None = None
        self._context: Context | None = None
        self._tasks: Sequence[asyncio.Task[None]] = ()
        self._busy_since: float | None = None
        self.starting = "start"
        """What the start waits for; empty once it is over."""

    def watch(self, context: Context, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Start judging by these clients and workers."""
        self._context, self._tasks, self.starting = context, tasks, ""

    @contextmanager
    def batch_under_way(self) -> Generator[None]:
        """Count the block as the handling of a batch, until it is done or given back."""
        self._busy_since = monotonic()
        try:
            yield
        finally:
            self._busy_since = None

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget the assignment until the next one."""
        self._assigned = None

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Remember that the group gave this worker its share, which may be nothing."""
        self._assigned = set(assigned)

    async def waits_for(self) -> list[str]:
        """Name what is missing for events to be handled now."""
        context = self._context
        if context is None:
            return [self.starting]
        missing: list[str] = []
        if self._assigned is None:
            missing.append("Kafka assignment")
        if self._busy_since is not None and monotonic() - self._busy_since > STUCK_SECONDS:
            missing.append("a batch that does not end")
        if any(task.done() for task in self._tasks):
            missing.append("a worker that ended")
        bucket = self._settings.minio_bucket
        kafka, absent = await asyncio.gather(
            kafka_answers(self._settings, ANSWER_SECONDS),
            absent_servers(context.database, context.storage, bucket),
        )
        return missing + ([] if kafka else ["Kafka"]) + absent
