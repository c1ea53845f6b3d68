"""Readiness of the indexer: partitions assigned, servers answering, every worker alive."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from time import monotonic

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from faststream.asgi import AsgiResponse, get

from services.indexer.context import Context
from shared.readiness import absent_servers
from shared.settings import Settings


class Health(ConsumerRebalanceListener):
    """Watches the worker; a rebalance listener, since only assignment shows that it consumes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._assigned: set[TopicPartition] | None = None
        self._context: Context | None = None
        self._tasks: Sequence[asyncio.Task[None]] = ()
        self._progress = monotonic()
        self.route = get(self._answer)

    def watch(self, context: Context, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Start judging by these clients and workers."""
        self._context, self._tasks = context, tasks

    def progressed(self) -> None:
        """A batch was handled."""
        self._progress = monotonic()

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
            return ["start"]
        missing: list[str] = []
        if self._assigned is None:
            missing.append("Kafka assignment")
        if any(task.done() for task in self._tasks):
            missing.append("a worker that ended")
        bucket = self._settings.minio_bucket
        return missing + await absent_servers(context.database, context.storage, bucket)

    async def _answer(self, scope: object) -> AsgiResponse:
        missing = await self.waits_for()
        body = {"waits_for": missing, "idle_seconds": round(monotonic() - self._progress, 1)}
        return AsgiResponse(
            json.dumps(body).encode(), 503 if missing else 200, {"content-type": "application/json"}
        )
