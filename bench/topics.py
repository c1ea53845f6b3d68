"""Where consumer groups stand on the topic of bucket events."""

import asyncio
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.runtime.settings import Settings

Offsets = dict[TopicPartition, int]

# aiokafka leaves the methods of its consumer untyped: it is Any here.


async def where_it_ends(settings: Settings) -> Offsets:
    """Return the offset of the next event of each partition."""
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await consumer.start()
    try:
        return await consumer.end_offsets(await _partitions(settings))
    finally:
        await consumer.stop()


async def rewind_to(offsets: Offsets, settings: Settings) -> None:
    """Let the group of the settings begin at these offsets; nobody may be in it."""
    consumer: Any = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.kafka_indexer_group,
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        consumer.assign(list(offsets))
        await consumer.commit(dict(offsets))
    finally:
        await consumer.stop()


class Progress:
    """How far a group has come, asked without joining it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)

    async def __aenter__(self) -> "Progress":
        await self._admin.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._admin.close()

    async def follow(self, start: int, events: int) -> tuple[int, float]:
        """Wait until the group has come `events` further than `start`, a sum over partitions.

        Returns the events and the seconds between the first progress that was seen and the last:
        the time that a program takes to start does not count.
        """
        first: tuple[int, float] | None = None
        while True:
            done = await self._committed() - start
            if first is None and done > 0:
                first = (done, monotonic())
            if first is not None and done >= events:
                return done - first[0], monotonic() - first[1]
            await asyncio.sleep(0.1)

    async def _committed(self) -> int:
        offsets = await self._admin.list_consumer_group_offsets(self._settings.kafka_indexer_group)
        return sum(
            found.offset
            for partition, found in offsets.items()
            if partition.topic == self._settings.kafka_bucket_events_topic and found.offset >= 0
        )


async def followed(settings: Settings, start: int, events: int) -> tuple[int, float]:
    """Wait as `Progress.follow` does."""
    async with Progress(settings) as progress:
        return await progress.follow(start, events)


async def _partitions(settings: Settings) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        topic = settings.kafka_bucket_events_topic
        (described,) = await admin.describe_topics([topic])
        return [TopicPartition(topic, found["partition"]) for found in described["partitions"]]
    finally:
        await admin.close()
