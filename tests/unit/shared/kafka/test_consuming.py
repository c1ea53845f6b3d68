"""A consumer waits for its messages, and commits what is handled until Kafka has taken it."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    ConsumerStoppedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import ConsumerRecord
from faststream.kafka import KafkaBroker

from shared.kafka import pipeline
from shared.kafka.consumer_health import ConsumerHealth
from shared.kafka.consuming import POLL_MILLISECONDS, subscribe

FIRST, SECOND = TopicPartition("topic", 0), TopicPartition("topic", 1)
Found = dict[TopicPartition, list[Any]]


class Consumer:
    """Answers each poll with what it is given, and then has ended; notes what is committed.

    What it is given to call is called at that poll.
    """

    def __init__(
        self,
        *answers: Found | Exception | Callable[[], Found],
        refusals: Sequence[Exception] = (),
    ) -> None:
        self.asked: list[dict[str, int]] = []
        self.committed: list[dict[TopicPartition, int]] = []
        self.troubles: list[str] = []
        """What readiness tells at each poll."""
        self.trouble: Callable[[], str] = str
        self.sought: dict[TopicPartition, int] = {}
        self.assigned = {FIRST, SECOND}
        self.is_stopped = False
        self._answers, self._refusals = list(answers), list(refusals)

    async def getmany(self, **limits: int) -> Found:
        self.asked.append(limits)
        self.troubles.append(self.trouble())
        if not self._answers:
            raise ConsumerStoppedError
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    def assignment(self) -> set[TopicPartition]:
        return self.assigned

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self._refusals:
            raise self._refusals.pop(0)
        self.committed.append(offsets)

    def subscribe(self, **asked: Any) -> None:
        assert asked["topics"] == ["topic"]

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        self.is_stopped = True

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.sought[partition] = offset


def records(place: TopicPartition, *offsets: int) -> list[Any]:
    return [
        ConsumerRecord(
            topic=place.topic,
            partition=place.partition,
            offset=offset,
            timestamp=0,
            timestamp_type=0,
            key=None,
            value=b"",
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=(),
        )
        for offset in offsets
    ]


def _given(consumer: Consumer, **_settings: Any) -> Consumer:
    return consumer


def _next_of(consumers: Iterator[Consumer], **_settings: Any) -> Consumer:
    return next(consumers)


class Service:
    """What a service that consumes has, with FastStream's subscriber; batches of 7 at most."""

    def __init__(self, *failures: Exception) -> None:
        self.health = ConsumerHealth("batch")
        self.batches: list[list[int]] = []
        self.meanwhile: Callable[[], None] = nothing
        """Called while a batch is handled."""
        self._failures = list(failures)
        self._broker: Any = KafkaBroker("nowhere:9092", allow_auto_create_topics=False)
        subscribe(self._broker, "topic", "group", self._handle, self.health, batch_size=7)
        self._broker._setup_logger()
        self.subscriber: Any = self._broker.subscribers[0]

    async def _handle(self, messages: Sequence[Any]) -> None:
        self.batches.append([each.offset for each in messages])
        self.meanwhile()
        if self._failures:
            raise self._failures.pop(0)

    async def consume(self, consumer: Consumer) -> None:
        """Consume by FastStream until the consumer has ended."""
        consumer.trouble = self.health.polls.trouble
        self.subscriber._outer_config.builder = partial(_given, consumer)
        await self.subscriber.start()
        await asyncio.gather(*self.subscriber.tasks)

    def rebalance(self) -> None:
        """Have the same partitions assigned anew."""
        self.subscriber._listener.on_partitions_revoked([FIRST, SECOND])
        self.subscriber._listener.on_partitions_assigned([FIRST, SECOND])

    @asynccontextmanager
    async def running(self, *consumers: Consumer) -> AsyncGenerator[None]:
        """Consume inside the block as services do, by one consumer after the other."""
        for each in consumers:
            each.trouble = self.health.polls.trouble
        remaining = iter(consumers)
        self.subscriber._outer_config.builder = partial(_next_of, remaining)
        self._broker.connect = connected
        started = asyncio.Event()
        running = asyncio.create_task(
            pipeline.run_parts([], self._broker, self.health, lambda _tasks: started.set())
        )
        await started.wait()
        yield
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def nothing() -> None:
    """Nothing happens."""


async def connected() -> None:
    """There is no producer."""


async def test_after_a_poll_that_found_nothing_the_next_one_waits_at_once() -> None:
    """FastStream's own polls end in a sleep, in which messages wait."""
    consumer = Consumer({}, {})
    await Service().consume(consumer)
    assert consumer.asked == 3 * [{"timeout_ms": POLL_MILLISECONDS, "max_records": 7}]
    assert consumer.committed == []


async def test_a_batch_has_the_messages_of_all_partitions_and_is_committed_once() -> None:
    service = Service()
    consumer = Consumer({FIRST: records(FIRST, 5, 6), SECOND: records(SECOND, 1)}, {}, {})
    await service.consume(consumer)
    assert service.batches == [[5, 6, 1]]
    assert consumer.committed == [{FIRST: 7, SECOND: 2}]


async def test_what_kafka_does_not_take_is_committed_again_though_no_message_follows() -> None:
    service = Service()
    refusals = [KafkaConnectionError(), GroupAuthorizationFailedError("group")]
    consumer = Consumer({FIRST: records(FIRST, 5)}, {}, {}, {}, refusals=refusals)
    await service.consume(consumer)
    assert service.batches == [[5]], "it is handled once"
    assert consumer.committed == [{FIRST: 6}]


async def test_readiness_tells_why_nothing_is_committed_until_it_is() -> None:
    refusal = GroupAuthorizationFailedError("group")
    consumer = Consumer({FIRST: records(FIRST, 5)}, {}, {}, refusals=[refusal, refusal])
    await Service().consume(consumer)
    why = "Kafka does not confirm: GroupAuthorizationFailedError"
    fails = f"consumer fails (KafkaUnavailable: {why})"
    assert consumer.troubles == ["", fails, fails, ""]


@pytest.mark.parametrize("error", [TopicAuthorizationFailedError("topic"), zlib.error("a defect")])
async def test_another_consumer_takes_the_place_of_one_whose_poll_fails(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """aiokafka's would fail for ever, and has passed what it found beside the error."""
    monkeypatch.setattr(pipeline, "growing_pause", no_pause)
    service, over = Service(), asyncio.Event()

    def end() -> Found:
        over.set()
        return {}

    broken = [Consumer({FIRST: records(FIRST, 5)}, {}, error), Consumer(error)]
    sound = Consumer({SECOND: records(SECOND, 1)}, {}, end)
    async with service.running(*broken, sound):
        await over.wait()
    assert service.batches == [[5], [1]]
    assert [each.is_stopped for each in (*broken, sound)] == [True, True, True]
    assert sound.committed == [{SECOND: 2}]
    [failing, *after] = sound.troubles
    assert failing.startswith(f"consumer fails ({type(error).__name__}")
    assert set(after) == {""}


def no_pause(_failures: int, _most_seconds: float) -> float:
    return 0.0


async def test_what_a_failed_batch_had_is_not_committed_and_comes_again() -> None:
    service = Service(ValueError("a defect"))
    consumer = Consumer({FIRST: records(FIRST, 5)}, {}, {FIRST: records(FIRST, 5, 6)})
    await service.consume(consumer)
    assert consumer.sought == {FIRST: 5}
    assert service.batches == [[5], [5, 6]]
    assert consumer.committed == [{FIRST: 7}]


async def test_nothing_is_committed_for_who_has_the_partition_now() -> None:
    def lose_one() -> Found:
        consumer.assigned = {SECOND}
        return {}

    consumer = Consumer(
        {FIRST: records(FIRST, 5), SECOND: records(SECOND, 1)},
        lose_one,
        refusals=[KafkaConnectionError()],
    )
    await Service().consume(consumer)
    assert consumer.committed == [{SECOND: 2}]


async def test_after_a_rebalance_nothing_is_owed() -> None:
    service = Service()

    def rebalance() -> Found:
        service.rebalance()
        return {}

    refused = [KafkaConnectionError()]
    consumer = Consumer({FIRST: records(FIRST, 5)}, rebalance, {}, refusals=refused)
    await service.consume(consumer)
    assert consumer.committed == [], "another may have been further on meanwhile"


async def test_a_rebalance_before_a_batch_is_looked_at_counts_too() -> None:
    service = Service()
    consumer = Consumer({FIRST: records(FIRST, 5)}, {})
    parse = service.subscriber._parser

    async def after_a_rebalance(*given: Any) -> Any:
        service.rebalance()
        return await parse(*given)

    service.subscriber._parser = after_a_rebalance
    await service.consume(consumer)
    assert service.batches == [[5]]
    assert consumer.committed == []


@pytest.mark.parametrize("failures", [[], [ValueError("a defect")]])
async def test_a_batch_under_way_during_a_rebalance_is_neither_committed_nor_given_back(
    failures: list[Exception],
) -> None:
    service = Service(*failures)
    service.meanwhile = service.rebalance
    consumer = Consumer({FIRST: records(FIRST, 5)}, {})
    await service.consume(consumer)
    assert service.batches == [[5]]
    assert (consumer.committed, consumer.sought) == ([], {})
