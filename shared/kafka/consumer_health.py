"""Whether a consumer goes on: partitions assigned, batches that come to their end, and polls."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import NoReturn

from aiokafka import TopicPartition

from shared.domain.errors import Unavailable
from shared.kafka.topic_reader import RawMessage
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, rest_after

STUCK_SECONDS = 90.0
"""A batch without a step for longer stands still: the patience with a server is 60 seconds."""
MAX_DEFECT_PAUSE_SECONDS = 60.0
"""Longest pause before a batch that brings out a defect comes again; Kafka's patience is 5 min."""

log = get_logger(__name__)


class ConsumerHealth:
    """It is told of each rebalance, since only assignment shows that a consumer consumes."""

    def __init__(self, batches: str) -> None:
        self._assigned: set[TopicPartition] | None = None
        self.batch = Mark(batches, STUCK_SECONDS)
        self.polls = Mark("consumer", STUCK_SECONDS)
        """Asking for batches and committing them; while one is handled, that has its own mark."""
        self.needs_another = asyncio.Event()
        """Set where a poll failed, until another consumer takes the place of this one."""
        self.starting = "start"
        """What the start waits for; empty once it is over."""
        self.kafka_was_away = False
        """Whether the start had to wait for Kafka."""
        self.in_hand: tuple[int, int] = (0, 0)
        """How many records are being handled, and when the oldest was written, in milliseconds."""

    @property
    def is_assigned(self) -> bool:
        """Whether the group gave this process its share, which may be nothing."""
        return self._assigned is not None

    def assigned_partitions(self) -> Sequence[TopicPartition]:
        """Return this process's share; nothing before it is assigned."""
        return tuple(self._assigned or ())

    @asynccontextmanager
    async def batch_under_way(self, messages: Sequence[RawMessage] = ()) -> AsyncGenerator[None]:
        """Count the block as the handling of a batch, until it is done or given back.

        One that is given back comes again at once, for ever where no waiting mends what is wrong:
        readiness tells it until a batch succeeds or the partitions are another worker's.
        """
        self.batch.moved()
        self.in_hand = len(messages), min((each.timestamp for each in messages), default=0)
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
            self.in_hand = (0, 0)
            self.batch.idle()

    async def wait_for_another_consumer(self, error: Exception) -> NoReturn:
        """Have another consumer take the place of one whose poll failed; does so until cancelled.

        aiokafka raises what does not pass by itself, and is of no use then: a right that was taken
        away is told for ever, even once it is given back, and what the same poll had found in
        other partitions is lost, as the consumer has passed it. The share was that consumer's: the
        next one has to be given its own.
        """
        log.error("poll failed", error=f"{type(error).__name__}: {error}")
        self.polls.failed(error)
        self.polls.idle()
        self._assigned = None
        self.needs_another.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget the assignment until the next one, and what a batch failed by: it is another's."""
        self._assigned = None
        self.batch.succeeded()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Remember that the group gave this worker its share, which may be nothing."""
        self._assigned = set(assigned)
