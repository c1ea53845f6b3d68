"""Streams of events over a real Kafka: from any place, each event once, and never past a gap."""

import random
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete

from local.processes.ports import HOST, choose_port
from services.indexer.kafka.topics import ensure_topics
from services.query.stream import tail
from services.query.stream.ring import Ring
from shared.database.client import Database
from shared.domain.streams.position import Position
from shared.runtime.settings import Settings
from tests.support.access import bearer
from tests.support.event_streams import (
    EventReader,
    Refused,
    Sent,
    event_of,
    producing,
    put,
    serving_query,
)
from tests.support.eventually import eventually

SEED = 37
MODELS = ("churn", "risk.a", "risk.b", "fraud", "fraud.x", "a", "b", "c")
SMALL_RING = 40
WARM = 10


@pytest.fixture
def own(settings: Settings) -> Settings:
    """A topic of each test's own: some of them end it."""
    topic = f"test-{uuid4().hex[:12]}.model-events"
    limits = {"query_max_streams": 12, "query_max_streams_per_principal": 10}
    return settings.model_copy(update={"kafka_model_events_topic": topic, **limits})


@pytest.fixture
async def producer(own: Settings) -> AsyncIterator[Any]:
    await ensure_topics(own)
    async with producing(own) as found:
        yield found


@pytest.fixture
async def admin(own: Settings) -> AsyncIterator[Any]:
    client: Any = AIOKafkaAdminClient(bootstrap_servers=own.kafka_bootstrap_servers)
    await client.start()
    yield client
    await client.close()


@pytest.fixture
def small_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little is kept in memory, so that most places are read from Kafka."""
    monkeypatch.setattr(tail, "Ring", partial(Ring, max_events=SMALL_RING))
    monkeypatch.setattr(tail, "WARM_RECORDS", WARM)


def some_events(chance: random.Random, count: int) -> list[bytes]:
    """Events of random models, each model's in order."""
    numbers: dict[str, int] = defaultdict(int)
    found: list[bytes] = []
    for _ in range(count):
        model = chance.choice(MODELS)
        numbers[model] += 1
        found.append(event_of(model, numbers[model], filling=chance.choice([0, 200, 4000])))
    return found


def by_model(events: Sequence[Sent]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for event in events:
        model, sequence = event.key
        found[model].append(sequence)
    return found


def in_order(events: Sequence[Sent]) -> dict[str, list[int]]:
    """Sequence numbers by model, each of which has to be the next one of its model."""
    found = by_model(events)
    for model, numbers in found.items():
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), model
    return found


@pytest.mark.usefixtures("small_ring", "database")
async def test_from_any_event_all_later_ones_come_once_and_in_order(
    own: Settings, producer: Any
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - no secret
    await put(producer, own, some_events(chance, 600))
    async with serving_query(own) as (url, _):
        read = partial(EventReader.at, url, bearer(own))
        async with read(start="beginning") as reader:
            everything = await reader.take(600)
        assert sum(map(len, in_order(everything).values())) == 600

        for place in [0, 1, 598, 599, *chance.sample(range(2, 598), 6)]:
            async with read(last_event_id=everything[place].id, follow="false") as reader:
                *rest, end = await reader.rest()
            assert (end.type, end.data["reason"]) == ("end", "complete")
            # Another reading goes through the partitions in another order: what counts is what
            # each reader has had.
            had = {event.key for event in everything[: place + 1]}
            assert in_order(rest).keys() <= set(MODELS)
            assert sorted(event.key for event in rest) == sorted(
                event.key for event in everything if event.key not in had
            )

        # And cut again and again, each time behind the last event that came.
        got: list[Sent] = []
        last: str | None = None
        while len(got) < 600:
            async with read(last_event_id=last, start="beginning") as reader:
                got += await reader.take(min(chance.randrange(1, 90), 600 - len(got)))
            last = got[-1].id
        assert sum(map(len, in_order(got).values())) == 600


@pytest.mark.usefixtures("database")
async def test_what_kafka_has_twice_comes_once_also_to_who_came_back_between(
    own: Settings, producer: Any
) -> None:
    events = [event_of("churn", number) for number in range(1, 31)]
    await put(producer, own, events)
    async with serving_query(own) as (url, _):
        read = partial(EventReader.at, url, bearer(own))
        async with read(start="beginning") as reader:
            had = await reader.take(30)
        await put(producer, own, [*events[20:], event_of("churn", 31)])
        async with read(last_event_id=had[-1].id) as reader:
            assert [each.key for each in await reader.take(1)] == [("churn", 31)]
    # A process that begins anew reads the newest again, to recognise what is repeated.
    async with serving_query(own) as (url, _):
        await put(producer, own, [*events[25:], event_of("churn", 32)])
        async with EventReader.at(url, bearer(own), last_event_id=had[-1].id) as reader:
            assert [each.key[1] for each in await reader.take(2)] == [31, 32]


@pytest.mark.usefixtures("database")
async def test_what_is_asked_for_comes_to_who_may_read_it_as_it_happens(
    own: Settings, producer: Any, database: Database
) -> None:
    moved = "registry.alias.moved.v1"
    async with serving_query(own) as (url, _):
        read = partial(EventReader.at, url, bearer(own))
        async with (
            read(model=["risk.*", "churn"]) as by_name,
            read(type="registry.alias.*") as by_type,
            read(alias="production", model="*") as by_alias,
        ):
            await put(
                producer,
                own,
                [
                    event_of("fraud", 1),
                    event_of("risk.a", 1),
                    event_of("riskx", 1),
                    event_of("churn", 1, moved, alias="staging"),
                    event_of("other", 1, source="/another"),
                    event_of("fraud", 2, moved, alias="production"),
                    event_of("churn", 2),
                ],
            )
            assert sorted(each.key for each in await by_name.take(3)) == [
                ("churn", 1),
                ("churn", 2),
                ("risk.a", 1),
            ]
            assert sorted(each.key for each in await by_type.take(2)) == [
                ("churn", 1),
                ("fraud", 2),
            ]
            [found] = await by_alias.take(1)
            assert (found.key, found.type) == (("fraud", 2), moved)
            assert found.data["data"]["alias"]["name"] == "production"


@pytest.mark.usefixtures("small_ring", "database")
async def test_an_id_is_good_after_the_topic_has_got_more_partitions(
    own: Settings, producer: Any, admin: Any
) -> None:
    await put(producer, own, [event_of(model, 1) for model in MODELS])
    topic = own.kafka_model_events_topic
    async with serving_query(own) as (url, _):
        read = partial(EventReader.at, url, bearer(own))
        async with read(start="beginning") as before, read() as live:
            had = await before.take(len(MODELS))
            await admin.create_partitions({topic: NewPartitions(5)})
            for partition in range(5):
                value = event_of(f"new{partition}", 1)
                await _send_to(producer, topic, value, partition)
            assert len(await live.take(5)) == 5
        async with read(last_event_id=had[-1].id) as reader:
            assert {each.key[0] for each in await reader.take(5)} == {f"new{n}" for n in range(5)}


async def _send_to(producer: Any, topic: str, value: bytes, partition: int) -> None:
    await producer.client.force_metadata_update()

    async def is_sent() -> bool | None:
        if partition not in await producer.partitions_for(topic):
            await producer.client.force_metadata_update()
            return None
        await producer.send_and_wait(topic, value, partition=partition)
        return True

    await eventually(is_sent)


@pytest.mark.usefixtures("small_ring", "database")
async def test_an_id_whose_events_are_kept_no_more_is_refused_with_where_the_topic_begins(
    own: Settings, producer: Any, admin: Any
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - no secret
    await put(producer, own, some_events(chance, 300))
    topic = own.kafka_model_events_topic
    async with serving_query(own) as (url, _):
        read = partial(EventReader.at, url, bearer(own))
        async with read(start="beginning") as reader:
            had = await reader.take(300)
        ends = Position.parse(had[-1].id).offsets
        kept = {partition: max(0, end - 60) for partition, end in ends.items()}
        await admin.delete_records(
            {
                TopicPartition(topic, partition): RecordsToDelete(before_offset=offset)
                for partition, offset in kept.items()
            }
        )
        with pytest.raises(Refused) as refused:
            async with read(last_event_id=had[3].id):
                raise AssertionError("it went on past a gap")
        assert (refused.value.status, refused.value.problem["code"]) == (410, "events_gone")
        oldest = refused.value.problem["oldest_event_id"]
        assert Position.parse(oldest).offsets == kept
        async with read(last_event_id=oldest, follow="false") as reader:
            assert len(await reader.rest()) == 300 - sum(kept.values()) + 1


@pytest.mark.usefixtures("database")
async def test_a_topic_that_is_made_again_ends_streams_and_no_old_id_counts_in_it(
    own: Settings, producer: Any, admin: Any
) -> None:
    topic = own.kafka_model_events_topic
    events = [event_of(model, 1) for model in MODELS]
    await put(producer, own, events)
    async with serving_query(own) as (url, _):
        read = partial(EventReader.at, url, bearer(own))
        async with read(start="beginning") as reader:
            had = await reader.take(len(MODELS))
            await admin.delete_topics([topic])
            # Whoever still reads it may have the broker make it: aiokafka cannot ask otherwise.
            accepting = own.model_copy(update={"kafka_accept_topics": True})

            async def is_made() -> bool | None:
                await ensure_topics(accepting)
                return topic in await admin.list_topics() or None

            await eventually(is_made)
            await producer.client.force_metadata_update()
            await put(producer, own, events)
            [end] = await reader.rest()
            assert (end.type, end.data["reason"]) == ("end", "gone")

        async def refusal() -> Refused | None:
            try:
                async with read(last_event_id=had[-1].id):
                    return None
            except Refused as refused:
                return refused if refused.status == 410 else None

        assert (await eventually(refusal)).problem["code"] == "events_gone"
        async with read(start="beginning") as reader:
            assert len(await reader.take(len(MODELS))) == len(MODELS)


@pytest.mark.usefixtures("small_ring", "database")
async def test_a_reader_that_falls_behind_is_cut_with_a_place_where_it_goes_on(
    own: Settings, producer: Any
) -> None:
    count, filling = 400, 30_000  # 12 MB: more than all buffers between hold
    async with serving_query(own) as (url, _):
        read = partial(EventReader.at, url, bearer(own))
        async with read(read_bytes=4096) as slow, read() as fast:
            events = [event_of("churn", n, filling=filling) for n in range(1, count + 1)]
            for start in range(0, count, SMALL_RING):  # no more than are kept for the fast one
                await put(producer, own, events[start : start + SMALL_RING])
                await fast.take(SMALL_RING)  # nobody waits for the slow one
            *got, end = await slow.rest()
        assert (end.type, end.data["reason"]) == ("end", "behind")
        assert end.data["last_event_id"] == end.id
        assert len(got) < count
        async with read(last_event_id=end.id) as reader:
            got += await reader.take(count - len(got))
    assert in_order(got) == {"churn": list(range(1, count + 1))}


@pytest.mark.usefixtures("database")
async def test_streams_end_with_the_process_and_go_on_at_another(
    own: Settings, producer: Any
) -> None:
    async with (
        serving_query(own) as (url, server),
        EventReader.at(url, bearer(own)) as reader,
    ):
        await put(producer, own, [event_of("churn", 1)])
        await reader.take(1)
        server.should_exit = True
        [end] = await reader.rest()
    assert end.data["reason"] == "shutdown"
    await put(producer, own, [event_of("churn", 2)])
    async with (
        serving_query(own) as (url, _),
        EventReader.at(url, bearer(own), last_event_id=end.id) as reader,
    ):
        assert [each.key for each in await reader.take(1)] == [("churn", 2)]


@pytest.mark.usefixtures("database")
async def test_without_kafka_lookups_go_on_and_streams_alone_say_that_they_cannot_begin(
    own: Settings,
) -> None:
    nobody = f"{HOST}:{choose_port('kafka', 'free', None)}"
    without = own.model_copy(update={"kafka_bootstrap_servers": nobody})
    async with serving_query(without, has_kafka=False) as (url, _):
        with pytest.raises(Refused) as refused:
            async with EventReader.at(url, bearer(own)):
                raise AssertionError("it began")
        assert (refused.value.status, refused.value.problem["code"]) == (503, "streams_unavailable")
        assert int(refused.value.headers["retry-after"]) > 0
        async with httpx.AsyncClient(base_url=url, headers=bearer(own), trust_env=False) as http:

            async def is_ready() -> bool | None:
                return (await http.get("/health/ready")).status_code == 200 or None

            await eventually(is_ready)
            assert (await http.get("/v1/models")).status_code == 200

            async def waits_for() -> list[str] | None:
                answer = await http.get("/health/events")
                assert answer.status_code == 503
                found: list[str] = answer.json()["waits_for"]
                return found if found[0].startswith("Kafka") else None

            assert await eventually(waits_for)


@pytest.mark.usefixtures("database")
async def test_streams_beyond_the_limits_are_told_to_come_again(
    own: Settings, producer: Any
) -> None:
    async with serving_query(own) as (url, _):
        read = partial(EventReader.at, url, bearer(own))
        async with AsyncExitStack() as stack:
            for _number in range(own.query_max_streams_per_principal):
                await stack.enter_async_context(read())
            with pytest.raises(Refused) as refused:
                await stack.enter_async_context(read())
        assert (refused.value.status, refused.value.headers["retry-after"]) == (429, "10")

        async def is_open() -> bool | None:  # a reader that goes away makes room at once
            try:
                async with read():
                    return True
            except Refused:
                return None

        await eventually(is_open)
