"""How far a consumer is behind: by what it has fetched, and by what it has in hand."""

import asyncio
from time import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from shared.kafka import lag
from shared.kafka.consumer_health import ConsumerHealth
from shared.kafka.lag import lag_of
from shared.kafka.topic_reader import RawMessage

FIRST, SECOND = TopicPartition("topic", 0), TopicPartition("topic", 1)


class Consumer:
    """One that is at these places, of what has these ends."""

    def __init__(self, places: dict[TopicPartition, tuple[int, int | None]]) -> None:
        self._places = places

    def assignment(self) -> set[TopicPartition]:
        return set(self._places)

    def highwater(self, partition: TopicPartition) -> int | None:
        assert partition in self._places, "as aiokafka does"
        return self._places[partition][1]

    async def position(self, partition: TopicPartition) -> int:
        return self._places[partition][0]


def message(timestamp: int) -> RawMessage:
    return cast(RawMessage, SimpleNamespace(timestamp=timestamp))


@pytest.fixture
def health() -> ConsumerHealth:
    found = ConsumerHealth("batch of tests")
    found.on_partitions_assigned([FIRST, SECOND])
    return found


async def test_what_is_not_fetched_of_all_partitions_is_counted(health: ConsumerHealth) -> None:
    consumer: Any = Consumer({FIRST: (3, 10), SECOND: (5, None)})
    assert await lag_of(consumer, health) == lag.Lag(7, 0.0)


async def test_a_batch_in_hand_is_behind_and_as_old_as_its_oldest_record(
    health: ConsumerHealth,
) -> None:
    consumer: Any = Consumer({FIRST: (10, 10), SECOND: (5, 5)})
    long_ago = int(time() * 1000) - 3_600_000
    async with health.batch_under_way([message(long_ago + 5000), message(long_ago)]):
        found = await lag_of(consumer, health)
    assert found is not None
    assert (found.records, found.age_seconds // 60) == (2, 60)
    assert await lag_of(consumer, health) == lag.Lag(0, 0.0)


async def test_who_has_no_share_or_no_consumer_tells_nothing(health: ConsumerHealth) -> None:
    consumer: Any = Consumer({})
    assert await lag_of(None, health) is None
    health.on_partitions_revoked([FIRST])
    assert await lag_of(consumer, health) is None


async def test_a_consumer_that_takes_the_place_of_another_tells_nothing_before_it_has_a_share(
    health: ConsumerHealth,
) -> None:
    consumer: Any = Consumer({})
    assert await lag_of(consumer, health) is None


async def test_a_consumer_whose_poll_failed_has_no_share(health: ConsumerHealth) -> None:
    waiting = asyncio.create_task(health.wait_for_another_consumer(ValueError("a defect")))
    await health.needs_another.wait()
    assert not health.is_assigned
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    health.on_partitions_assigned([FIRST])
    assert health.is_assigned
