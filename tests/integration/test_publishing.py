"""The relay's lanes over a real outbox and a real Kafka that refuses what is too large for it."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.indexer.kafka.publisher import KafkaPublisher
from services.indexer.publish.lane import Lane
from services.indexer.publish.sink import EventRefused
from shared.database.client import Database, open_database
from shared.database.indexes import verify_indexes
from shared.database.opening import open_version
from shared.database.outbox import Outbox, lane_of
from shared.kafka.broker import disconnect, make_broker
from shared.runtime.settings import Settings
from tests.integration.drafts import draft, pending_events
from tests.support.isolation import isolated, settings_of
from tests.support.servers import Addresses
from tests.support.topics import model_events

LARGEST = 20_000
"""Bytes of a message that the topic takes: more than the producer puts together into a batch."""


@pytest.fixture
def settings(addresses: Addresses) -> Settings:
    return settings_of(isolated(addresses))


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with open_database(settings) as opened:
        await verify_indexes(opened)
        yield opened


@asynccontextmanager
async def kafka(settings: Settings, **configs: str) -> AsyncGenerator[KafkaPublisher]:
    """Publish to a topic that is made like this."""
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    topic = NewTopic(settings.kafka_model_events_topic, 1, 1, topic_configs=configs)
    await admin.create_topics([topic])
    await admin.close()
    broker = make_broker(settings)
    await broker.connect()
    try:
        yield KafkaPublisher(broker, settings)
    finally:
        await disconnect(broker)


def in_one_lane(count: int) -> list[str]:
    """Names of models that share a lane, in order."""
    names = (f"model-{number:03}" for number in range(1000))
    chosen = [name for name in names if lane_of(name) == 0]
    return chosen[:count]


async def test_what_kafka_refuses_is_published_without_artifacts(
    settings: Settings, database: Database
) -> None:
    large, small = in_one_lane(2)
    await open_version(database, draft(large, *(f"{number}.bin" for number in range(300))))
    await open_version(database, draft(large))
    await open_version(database, draft(small))
    async with kafka(settings, **{"max.message.bytes": str(LARGEST)}) as publisher:
        await Lane(0, Outbox(database), publisher).publish_pending()
    assert await pending_events(database, large) == []
    assert await pending_events(database, small) == []
    servers, topic = settings.kafka_bootstrap_servers, settings.kafka_model_events_topic
    told = await model_events(servers, topic, large, "created")
    assert [event.sequence for _, event in told] == [1, 2]
    assert [len(event.data.artifacts) for _, event in told] == [0, 1]


async def test_what_is_refused_for_good_holds_up_its_own_model_alone(
    settings: Settings, database: Database
) -> None:
    stuck, other = in_one_lane(2)
    await open_version(database, draft(stuck, label="l" * 2 * LARGEST))
    await open_version(database, draft(other))
    async with kafka(settings, **{"max.message.bytes": str(LARGEST)}) as publisher:
        lane = Lane(0, Outbox(database), publisher)
        await lane.publish_pending()
        assert await pending_events(database, other) == []
        assert len(await pending_events(database, stuck)) == 1
        assert lane.held[stuck].is_refused
        assert "MessageSizeTooLarge" in lane.held[stuck].reason
        await open_version(database, draft(other))
        await lane.publish_pending()
        assert await pending_events(database, other) == []
        with pytest.raises(EventRefused):
            await lane.publish_held(stuck)


async def test_the_age_of_the_oldest_entry_is_told(database: Database) -> None:
    outbox, before = Outbox(database), await database.now()
    await open_version(database, draft("first"))
    await open_version(database, draft("second"))
    after = await database.now() + timedelta(milliseconds=1)
    oldest = await outbox.oldest_before(after)
    assert oldest is not None
    assert before <= oldest < after
    assert await outbox.oldest_before(before) is None
    await outbox.remove(await pending_events(database, "first"))
    second = await outbox.oldest_before(after)
    assert second is not None
    assert second >= oldest
    await outbox.remove(await pending_events(database, "second"))
    assert await outbox.oldest_before(after) is None


async def test_a_model_that_is_passed_over_fills_no_place(database: Database) -> None:
    stuck, other = in_one_lane(2)
    for _ in range(3):
        await open_version(database, draft(stuck))
    await open_version(database, draft(other))
    outbox = Outbox(database)
    events, more = await outbox.pending(0, 2, without=[stuck])
    assert ([event.model for event in events], more) == ([other], False)
    events, more = await outbox.pending_of(stuck, 2)
    assert ([event.sequence for event in events], more) == ([1, 2], True)
