"""Readiness of the indexer: partitions assigned, work going on, servers answering."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener

from services.indexer.context import Context
from shared.database.client import limit_operations
from shared.database.errors import DatabaseUnavailable
from shared.domain.errors import Unavailable
from shared.kafka.connection import KafkaProbe
from shared.kafka.errors import KafkaUnreachable
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, rest_after, troubles
from shared.runtime.settings import Settings
from shared.web.readiness import ANSWER_SECONDS, absent_servers

STUCK_SECONDS = 90.0
"""A batch without a step for longer stands still: the patience with a server is 60 seconds."""
UNPUBLISHED_SECONDS = 120.0
"""An event that has waited longer in the outbox is late: while Kafka answers it takes a moment."""
MAX_DEFECT_PAUSE_SECONDS = 60.0
"""Longest pause before a batch that brings out a defect comes again; Kafka's patience is 5 min."""
MOST_TROUBLES = 20
"""Troubles that are named; of more, only their number."""

log = get_logger(__name__)


class Health(ConsumerRebalanceListener):
    """Watches the worker; a rebalance listener, since only assignment shows that it consumes."""

    def __init__(self, settings: Settings, kafka: KafkaProbe) -> None:
        self._settings, self._kafka = settings, kafka
        self._assigned: set[TopicPartition] | None = None
        self._context: Context | None = None
        self._tasks: Sequence[asyncio.Task[None]] = ()
        self._marks: Callable[[], Iterable[Mark]] = tuple
        self.batch = Mark("batch of bucket events", STUCK_SECONDS)
        self.kafka_was_away = False
        """Whether the start had to wait for it."""
        self.starting = "start"
        """What the start waits for; empty once it is over."""

    def watch(
        self,
        context: Context,
        tasks: Sequence[asyncio.Task[None]],
        marks: Callable[[], Iterable[Mark]],
    ) -> None:
        """Start judging by these clients, tasks and marks."""
        self._context, self._tasks, self._marks, self.starting = context, tasks, marks, ""

    @asynccontextmanager
    async def batch_under_way(self) -> AsyncGenerator[None]:
        """Count the block as the handling of a batch, until it is done or given back.

        One that is given back comes again at once, for ever where no waiting mends what is wrong:
        readiness tells it until a batch succeeds or the partitions are another worker's.
        """
        self.batch.moved()
        try:
            with self.batch.told_from_within():
                yield
            self.batch.succeeded()
        except Unavailable as error:
            self.batch.failed(error)  # it was waited for already
            raise
        except Exception as error:
            await rest_after(error, self.batch, MAX_DEFECT_PAUSE_SECONDS)
            raise
        finally:
            self.batch.idle()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget the assignment until the next one, and what a batch failed by: it is another's."""
        self._assigned = None
        self.batch.succeeded()

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
        if any(task.done() for task in self._tasks):
            missing.append("a part that ended")
        missing += _shortened(troubles([self.batch, *self._marks()]))
        bucket = self._settings.minio_bucket
        kafka, absent, unpublished = await asyncio.gather(
            self._kafka_away(),
            absent_servers(context.database, context.storage, bucket),
            _unpublished(context),
        )
        # Without Kafka they cannot leave, which is told already.
        return missing + (kafka or unpublished) + absent

    async def _kafka_away(self) -> list[str]:
        try:
            await self._kafka.ask(ANSWER_SECONDS)
        except KafkaUnreachable as error:
            return [error.waits_for]
        return []


async def _unpublished(context: Context) -> list[str]:
    """Tell of events that wait for too long, in whichever process they should have been sent."""
    try:
        with limit_operations(ANSWER_SECONDS):
            now = await context.database.now()
            late = now - timedelta(seconds=UNPUBLISHED_SECONDS)
            oldest = await context.outbox.oldest_before(late)
    except DatabaseUnavailable:
        return []  # told already
    except Exception as error:
        # What no waiting mends must be told, and not end the answer.
        log.error("outbox cannot be looked at", exc_info=error)
        return [f"the outbox, which cannot be read ({type(error).__name__})"]
    if oldest is None:
        return []
    return [f"events that are not published (oldest {(now - oldest).total_seconds():.0f} s)"]


def _shortened(found: list[str]) -> list[str]:
    """Name the first ones, and count the others."""
    more = len(found) - MOST_TROUBLES
    return found if more <= 0 else [*found[:MOST_TROUBLES], f"{more} more of the kind"]
