"""Subscribing: what is delivered, from where, and over broken connections."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaConnectionError

import registry
from registry import _topic, _topic_connection
from registry.schemas import Discovery, EventsAddress, ModelEvent
from registry.subscription import Start, Subscription
from tests.unit.client_fake import FakeRegistry

URL = "http://registry.test"


def event(model: str, sequence: int, source: str = "s") -> bytes:
    data = {"model": model, "number": 1, "version_id": "v", "state": "ready"}
    members = {"id": f"{model}-{sequence}", "source": source, "type": "registry.version.ready.v1"}
    return json.dumps(
        {
            **members,
            "subject": f"{model}/1",
            "time": "2026-01-01T00:00:00Z",
            "sequence": sequence,
            "data": {**data, "storage_group": "models"},
        }
    ).encode()


@dataclass
class FakeRecord:
    offset: int
    value: bytes | None


@dataclass
class FakeKafka:
    """A topic of some partitions, and how often it fails."""

    logs: list[list[bytes | None]] = field(default_factory=lambda: [[], []])
    failures: list[str] = field(default_factory=list[str])
    asked: list[str] = field(default_factory=list[str])
    started: int = 0
    open: int = 0
    slow_stop: asyncio.Event | None = None
    """What a consumer waits for before it has stopped."""
    together: int = 1
    """Records that one fetch hands out."""

    def fail(self, step: str) -> None:
        if self.failures and self.failures[0] == step:
            self.failures.pop(0)
            raise KafkaConnectionError(step)


class FakeConsumer:
    """The part of aiokafka's consumer that is used."""

    def __init__(self, kafka: FakeKafka) -> None:
        self.kafka, self.positions = kafka, dict[int, int]()
        self.stopped = False

    async def start(self) -> None:
        self.kafka.fail("start")
        self.kafka.started += 1
        self.kafka.open += 1

    async def stop(self) -> None:
        if self.kafka.slow_stop is not None:
            await self.kafka.slow_stop.wait()
        self.kafka.open -= 1
        self.stopped = True

    async def topics(self) -> set[str]:
        self.kafka.asked.append("topics")
        return {"model-events"}

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        self.kafka.asked.append("assign")
        self.positions = {each.partition: 0 for each in partitions}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.positions[partition.partition] = offset

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(len(self.kafka.logs)))

    async def position(self, partition: TopicPartition) -> int:
        return self.positions[partition.partition]

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[Any, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[Any, int]:
        return {each: len(self.kafka.logs[each.partition]) for each in partitions}

    async def getmany(
        self, *, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[FakeRecord]]:
        if self.stopped:
            raise ConsumerStoppedError
        self.kafka.fail("getmany")
        for number, position in self.positions.items():
            if position < len(self.kafka.logs[number]):
                values = self.kafka.logs[number][position:][: self.kafka.together]
                self.positions[number] = position + len(values)
                records = [FakeRecord(position + n, value) for n, value in enumerate(values)]
                return {TopicPartition("model-events", number): records}
        return {}


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    kafka = FakeKafka()

    def connect(_servers: str, _options: Mapping[str, Any]) -> FakeConsumer:
        return FakeConsumer(kafka)

    monkeypatch.setattr(_topic, "_consumer", connect)
    return kafka


def subscription(model: str | None, start: Start, *, follow: bool = False) -> Subscription:
    fake = FakeRegistry()
    patient = registry.RetryPolicy(attempts=3, base_seconds=0)
    transport = fake.transport()
    return registry.subscribe(
        URL, model=model, start=start, follow=follow, retry=patient, transport=transport
    )


async def read(model: str | None, start: Start) -> list[str]:
    return [each.id async for each in subscription(model, start)]


@pytest.mark.parametrize(
    ("model", "start", "ids"),
    [
        (None, "beginning", ["a-1", "a-2", "a-3", "b-1", "b-2"]),
        ("b", "beginning", ["b-1", "b-2"]),
        ("a", 2, ["a-3"]),
        (None, {"a": 2}, ["a-3", "b-1", "b-2"]),
        (None, "now", []),
    ],
)
async def test_each_event_comes_once(
    kafka: FakeKafka, model: str | None, start: Start, ids: list[str]
) -> None:
    kafka.logs[0] = [event("a", 1), event("a", 2), event("a", 1), event("a", 2), event("a", 3)]
    kafka.logs[1] = [event("b", 1), None, b"no event", event("b", 2)]
    assert await read(model, start) == ids
    assert kafka.open == 0


async def test_an_event_that_comes_late_is_delivered_with_a_warning(
    kafka: FakeKafka, caplog: pytest.LogCaptureFixture
) -> None:
    kafka.logs[0] = [event("a", 1), event("a", 3), event("a", 3), event("a", 2), event("a", 2)]
    assert await read(None, "beginning") == ["a-1", "a-3", "a-2"]
    assert caplog.messages == ["event 2 of 'a' comes after event 3"]


async def test_events_of_another_registry_are_passed_over(
    kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka.logs[0] = [event("a", 1, "/other"), event("a", 1, "/ours"), event("a", 2, "/ours")]
    known = EventsAddress(bootstrap_servers="k:9092", topic="model-events", source="/ours")
    discovery = Discovery(ingest_url=URL, query_url=URL, events=known)

    async def discover(_: object) -> Discovery:
        return discovery

    monkeypatch.setattr(_topic_connection, "_discover", discover)
    told = [each async for each in subscription(None, "beginning")]
    assert [(each.source, each.sequence) for each in told] == [("/ours", 1), ("/ours", 2)]


async def test_a_topic_that_is_not_there_is_not_asked_for_by_name(kafka: FakeKafka) -> None:
    """A broker would make it as its own defaults say, and forget events after some days."""
    await read(None, "beginning")
    assert kafka.asked[:2] == ["topics", "assign"]


async def test_now_is_the_moment_of_entering(kafka: FakeKafka) -> None:
    kafka.logs[0].append(event("a", 1))
    async with subscription(None, "now", follow=True) as events:
        kafka.logs[0].append(event("a", 2))
        async for each in events:
            assert each.sequence == 2
            break
    assert kafka.open == 0


async def test_a_later_loop_goes_on_where_an_earlier_one_ended(kafka: FakeKafka) -> None:
    kafka.logs[0] = [event("a", 1)]
    async with subscription(None, "now") as events:
        kafka.logs[0] += [event("a", 2), event("a", 3)]
        async with aclosing(aiter(events)) as first:
            assert (await anext(first)).sequence == 2
        kafka.logs[0].append(event("a", 4))
        assert [each.sequence async for each in events] == [3, 4]
        kafka.logs[0].append(event("a", 5))
        assert [each.sequence async for each in events] == [5]


async def test_whoever_closes_second_waits_until_all_is_closed(kafka: FakeKafka) -> None:
    """Python closes a loop that was left by a task of its own: the program must not outrun it."""
    kafka.slow_stop = asyncio.Event()
    events = subscription(None, "now")
    await events.__aenter__()
    first = asyncio.create_task(events.close())
    await asyncio.sleep(0)
    second = asyncio.create_task(events.close())
    done, _ = await asyncio.wait((first, second), timeout=0.05)
    assert not done
    kafka.slow_stop.set()
    await asyncio.gather(first, second)
    assert kafka.open == 0


async def test_a_loop_begins_with_what_an_earlier_one_fetched_and_left(kafka: FakeKafka) -> None:
    """Python closes a loop that was left some time later: perhaps after the next one began."""
    kafka.together = 2
    kafka.logs[0] = [event("a", n) for n in range(1, 5)]
    async with subscription(None, "beginning") as events:
        left = aiter(events)
        assert (await anext(left)).sequence == 1
        following = aiter(events)
        assert (await anext(following)).sequence == 2
        await left.aclose()
        assert [each.sequence async for each in following] == [3, 4]


async def test_a_new_partition_is_read_from_its_beginning(
    kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_topic, "REFRESH_SECONDS", 0.0)
    async with subscription(None, "now", follow=True) as events:
        kafka.logs.append([event("c", 1)])
        kafka.logs[0].append(event("a", 1))
        got: set[str] = set()
        async for each in events:
            got.add(each.id)
            if len(got) == 2:
                break
    assert got == {"a-1", "c-1"}


async def test_a_broken_connection_is_taken_up_where_it_broke(kafka: FakeKafka) -> None:
    kafka.logs[0] = [event("a", n) for n in range(1, 6)]
    got: list[int] = []
    async for each in subscription(None, "beginning"):
        got.append(each.sequence)
        if each.sequence == 2:
            kafka.failures = ["getmany", "start", "start", "start", "start", "start"]
    assert got == [1, 2, 3, 4, 5]
    assert kafka.started == 2


async def test_a_kafka_that_never_answers_ends_the_first_connection(kafka: FakeKafka) -> None:
    kafka.failures = ["start"] * 9
    with pytest.raises(registry.UnavailableError, match="Kafka: KafkaConnectionError"):
        await read(None, "now")


def test_a_number_needs_its_model() -> None:
    with pytest.raises(ValueError, match="give `model`"):
        registry.subscribe(URL, start=3)


async def test_without_aiokafka_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiokafka", None)
    with pytest.raises(registry.MissingExtraError, match="pip install aiokafka"):
        await read(None, "now")


def test_an_event_of_a_newer_server_is_read() -> None:
    newer = json.loads(event("a", 1)) | {"type": "registry.version.moved.v9", "more": 1}
    assert ModelEvent.model_validate(newer).type == "registry.version.moved.v9"
