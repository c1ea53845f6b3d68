"""Kafka topics as seen from outside of every consumer group: their extent and their records."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import UnknownTopicOrPartitionError

from shared.kafka.connection import STOP_SECONDS, ended_within, kafka_options
from shared.kafka.errors import KafkaUnreadable, answered_within
from shared.kafka.identity import TopicIdentity, identify_topic
from shared.runtime.logs import get_logger
from shared.runtime.settings import Settings

RawMessage = ConsumerRecord[bytes, bytes]
BATCH = 200
"""Most records that are handed out together."""
FETCH_BYTES = 8 << 20
"""Most bytes that one fetch may hold."""
PARTITION_BYTES = 1 << 20
"""Most bytes of one partition that one fetch may hold, unless its first record alone has more."""
FETCH_WAIT_MS = 20
"""How long a broker keeps a fetch of which it has nothing: it answers nothing else of the same
connection meanwhile, and a question of where a topic ends took half a second by its default."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Extent:
    """What was in a topic at one moment, as offsets by partition."""

    topic: str
    begins: Mapping[int, int]
    """Offset of the first record."""
    ends: Mapping[int, int]
    """Offset behind the last record."""


class TopicReader:
    """Reads topics; every method raises KafkaUnreadable after the limit without an answer."""

    def __init__(self, consumer: Any, limit_seconds: float) -> None:
        self._consumer = consumer
        self._limit_seconds = limit_seconds

    async def extent(self, topic: str) -> Extent:
        """Fix what is in the topic now; nothing where there is no such topic."""
        async with answered_within(self._limit_seconds, KafkaUnreadable):
            if topic not in await self._consumer.topics():
                # Nor is one there that we may not see: only by its name Kafka says which it is.
                with suppress(UnknownTopicOrPartitionError):
                    await identify_topic(self._consumer, topic)
                return Extent(topic, {}, {})
            # Assigned for its metadata alone: it makes the consumer ask for the topic.
            self._consumer.assign([TopicPartition(topic, 0)])
            numbers = await self._partitions(topic)
            partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
            begins = await self._consumer.beginning_offsets(partitions)
            ends = await self._consumer.end_offsets(partitions)
        return Extent(
            topic,
            {each.partition: offset for each, offset in begins.items()},
            {each.partition: offset for each, offset in ends.items()},
        )

    async def begin_of(self, topic: str, partition: int) -> int:
        """Return the offset of the oldest record of a partition, in the middle of a reading."""
        wanted = TopicPartition(topic, partition)
        async with answered_within(self._limit_seconds, KafkaUnreadable):
            found = await self._consumer.beginning_offsets([wanted])
        begin: int = found[wanted]
        return begin

    async def identify(self, topic: str) -> TopicIdentity:
        """Return which topic has the name now; raises KafkaUnreadable also where there is none."""
        async with answered_within(self._limit_seconds, KafkaUnreadable):
            return await identify_topic(self._consumer, topic)

    async def unacknowledged(self, topic: str) -> int:
        """Count the records that the reader's group has not acknowledged yet."""
        extent = await self.extent(topic)
        waiting = 0
        async with answered_within(self._limit_seconds, KafkaUnreadable):
            for number, begin in extent.begins.items():
                done: int | None = await self._consumer.committed(TopicPartition(topic, number))
                waiting += extent.ends[number] - max(begin, done or 0)
        return waiting

    async def read(self, extent: Extent) -> AsyncGenerator[list[RawMessage]]:
        """Yield the records of the extent in batches; each partition's come in order."""
        left = {
            TopicPartition(extent.topic, number): end
            for number, end in extent.ends.items()
            if extent.begins[number] < end
        }
        if not left:
            return
        self._consumer.assign(list(left))
        for partition in left:
            self._consumer.seek(partition, extent.begins[partition.partition])
        deadline = monotonic() + self._limit_seconds
        while left:
            async with answered_within(self._limit_seconds, KafkaUnreadable):
                found = await self._consumer.getmany(timeout_ms=500, max_records=BATCH)
            if records := _within(extent, found):
                yield records
            if reached := await self._reached(left):
                for partition in reached:
                    del left[partition]
                self._consumer.pause(*reached)
            if records or reached:
                deadline = monotonic() + self._limit_seconds
            elif monotonic() > deadline:
                raise KafkaUnreadable("no record came in time")

    async def record(self, topic: str, partition: int, offset: int) -> RawMessage | None:
        """Return one record; None where it is not, or not any more, in the topic."""
        extent = await self.extent(topic)
        if not extent.begins.get(partition, 0) <= offset < extent.ends.get(partition, 0):
            return None
        async for batch in self.read(Extent(topic, {partition: offset}, {partition: offset + 1})):
            return batch[0]
        return None

    async def _partitions(self, topic: str) -> set[int]:
        while True:
            if numbers := self._consumer.partitions_for_topic(topic):
                return numbers
            await asyncio.sleep(0.02)

    async def _reached(self, left: Mapping[TopicPartition, int]) -> list[TopicPartition]:
        # The consumer's position also passes offsets under which no record is handed out.
        async with answered_within(self._limit_seconds, KafkaUnreadable):
            return [
                partition
                for partition, end in left.items()
                if await self._consumer.position(partition) >= end
            ]


@asynccontextmanager
async def open_reader(
    settings: Settings,
    group: str | None = None,
    *,
    fetch_bytes: int = FETCH_BYTES,
    partition_bytes: int = PARTITION_BYTES,
) -> AsyncGenerator[TopicReader]:
    """Connect a reader to Kafka, and close it at the end; raises KafkaUnreadable.

    It may ask what `group` has acknowledged, but does not join it. One fetch may hold
    `fetch_bytes`, and of each partition that is read `partition_bytes` are held beside it.
    """
    limit = settings.kafka_timeout_seconds
    consumer: Any = AIOKafkaConsumer(
        **kafka_options(settings),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",  # for offsets that retention takes away meanwhile
        request_timeout_ms=int(limit * 1000),
        fetch_max_wait_ms=FETCH_WAIT_MS,
        fetch_max_bytes=fetch_bytes,
        max_partition_fetch_bytes=partition_bytes,
    )
    try:
        async with answered_within(limit, KafkaUnreadable):
            await consumer.start()
        yield TopicReader(consumer, limit)
    finally:
        await _stop(consumer)


async def _stop(consumer: Any) -> None:
    """Close a consumer, in time: one whose assignment has just changed may never end by itself.

    aiokafka's fetcher then swallows its cancellation together with that of the fetches that it
    drops, and `stop` waits for it; the timeout cancels it once more (aiokafka 0.14,
    `Fetcher._fetch_requests_routine`).
    """
    async with ended_within(STOP_SECONDS, "reader"):
        await consumer.stop()


def _within(
    extent: Extent, found: Mapping[TopicPartition, Sequence[RawMessage]]
) -> list[RawMessage]:
    return [
        record
        for partition, records in found.items()
        for record in records
        if record.offset < extent.ends[partition.partition]
    ]
