"""Kafka as an observer needs it: ends of topics, what groups have committed, who is in them."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.group import LeaveGroupRequest

from shared.runtime.settings import Settings
from tests.support.topics import Record

Offsets = dict[TopicPartition, int]

# aiokafka leaves most of its methods untyped: its objects are Any here.


@asynccontextmanager
async def consumer_of(settings: Settings, group: str | None = None) -> AsyncGenerator[Any]:
    """Open a consumer that joins no group; with `group` it may commit for one nobody is in."""
    consumer: Any = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 * 1024 * 1024,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def producer_of(settings: Settings) -> AsyncGenerator[Any]:
    """Open a producer that takes messages as large as the broker does."""
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers, max_request_size=2 * 1024 * 1024
    )
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


async def ends_of(consumer: Any, topic: str) -> Offsets:
    """Return the offset of the next message of each partition of a topic that is there."""
    # One that was made a moment ago is not in the metadata of every broker at once.
    numbers = await consumer._client._wait_on_metadata(topic)
    return await consumer.end_offsets([TopicPartition(topic, number) for number in numbers])


async def read_all(settings: Settings, topic: str) -> list[Record]:
    """Return every message of a topic, partition by partition in their order."""
    records: list[Record] = []
    async with consumer_of(settings) as consumer:
        ends = {place: end for place, end in (await ends_of(consumer, topic)).items() if end}
        if not ends:
            return records
        consumer.assign(list(ends))
        await consumer.seek_to_beginning(*ends)
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            found: dict[TopicPartition, list[Record]] = await consumer.getmany(timeout_ms=200)
            for batch in found.values():
                records += batch
    return records


async def lag(settings: Settings) -> int:
    """Return how many bucket events the indexers' group has not committed yet."""
    async with consumer_of(settings) as consumer, admin_of(settings) as admin:
        ends = await ends_of(consumer, settings.kafka_bucket_events_topic)
        committed = await admin.list_consumer_group_offsets(settings.kafka_indexer_group)
        return sum(
            end - max(committed[place].offset if place in committed else 0, 0)
            for place, end in ends.items()
        )


async def begin_at(settings: Settings, offsets: Mapping[TopicPartition, int]) -> None:
    """Let the indexers' group, in which nobody may be, go on from these offsets."""
    async with consumer_of(settings, settings.kafka_indexer_group) as consumer:
        consumer.assign(list(offsets))
        await consumer.commit(dict(offsets))


async def begin_at_the_end(settings: Settings) -> None:
    """Let the indexers' group pass over the events that others left in the topic."""
    async with consumer_of(settings) as consumer:
        ends = await ends_of(consumer, settings.kafka_bucket_events_topic)
    await begin_at(settings, ends)


async def members(settings: Settings) -> list[str]:
    """Return the ids of those in the indexers' group."""
    async with admin_of(settings) as admin:
        [answer] = await admin.describe_consumer_groups([settings.kafka_indexer_group])
        return [member[0] for group in answer.groups for member in group[5]]


async def expel(settings: Settings, group: str | None = None) -> None:
    """Put everybody out of a group, the indexers' if not said, as the end of their session timeout
    would."""
    group = group or settings.kafka_indexer_group
    async with admin_of(settings) as admin:
        [answer] = await admin.describe_consumer_groups([group])
        coordinator = await admin.find_coordinator(group)
        for member in [found[0] for described in answer.groups for found in described[5]]:
            await admin._send_request(LeaveGroupRequest(group, member), coordinator)


@asynccontextmanager
async def admin_of(settings: Settings) -> AsyncGenerator[Any]:
    """Open an admin client."""
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()
