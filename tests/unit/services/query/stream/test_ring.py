"""The newest events, compared with a list: from any place each reader gets the rest, once."""

import random

import pytest

from services.query.stream.ring import Place, Ring
from services.query.stream.wire import StreamEvent
from shared.domain.access.decision import EVERY_NAME
from shared.domain.streams.position import Position
from shared.domain.streams.wanted import Facts, Wanted

TOPIC = b"12345678"
MODELS = ("a", "b", "c.x", "c.y")
PARTITIONS = 3

Record = tuple[int, int, StreamEvent]


def record(partition: int, offset: int, model: str) -> Record:
    name = f"{partition}-{offset}"
    return partition, offset, StreamEvent(name, Facts(model, "t"), f"data: {name}\n\n".encode())


def some_records(chance: random.Random, count: int) -> list[Record]:
    """Records in the order in which one process read them: of each partition in its own order."""
    ends = [0] * PARTITIONS
    found: list[Record] = []
    for _ in range(count):
        partition = chance.randrange(PARTITIONS)
        found.append(record(partition, ends[partition], chance.choice(MODELS)))
        ends[partition] += 1
    return found


def read_elsewhere(chance: random.Random, records: list[Record]) -> list[Record]:
    """The same records as another process read them: partitions come in another turn."""
    left = {n: [each for each in records if each[0] == n] for n in range(PARTITIONS)}
    found: list[Record] = []
    while any(left.values()):
        partition = chance.choice([n for n, rest in left.items() if rest])
        found.append(left[partition].pop(0))
    return found


def text_of(chunk: bytes) -> list[tuple[str, str]]:
    """Ids and names of the events in a chunk."""
    blocks = [block.split("\n") for block in chunk.decode().split("\n\n") if block]
    return [(lines[0].removeprefix("id: "), lines[1].removeprefix("data: ")) for lines in blocks]


def new_ring(**limits: int) -> Ring:
    return Ring(TOPIC, dict.fromkeys(range(PARTITIONS), 0), **limits)


def wanted_of(chance: random.Random) -> Wanted:
    return Wanted.of(chance.sample(["a", "b", "c.*", "c.x"], chance.randrange(3)))


@pytest.mark.parametrize("seed", range(30))
def test_a_reader_gets_each_event_that_it_wants_once_wherever_it_was_cut(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    records, wanted = some_records(chance, 200), wanted_of(chance)
    expected = [event.id for _, _, event in records if wanted.has(event.told, EVERY_NAME)]
    position, got = Position(TOPIC, dict.fromkeys(range(PARTITIONS), 0)), list[str]()
    for _ in range(6):  # each time at another process, which may be behind or ahead
        ring = new_ring()
        arriving = read_elsewhere(chance, records)
        place: Place | None = None
        reach = chance.randrange(len(arriving) + 1)
        for number, (partition, offset, event) in enumerate(arriving):
            ring.add(partition, offset, event)
            if place is None and chance.random() < 0.1:
                place = ring.place_of(position)
            if place is not None and number <= reach and chance.random() < 0.3:
                found = ring.read(place, wanted, EVERY_NAME)
                assert found is not None
                told = text_of(found.chunk)
                if told and chance.random() < 0.2:  # cut off in the middle: the last id counts
                    told = told[: chance.randrange(1, len(told) + 1)]
                    position, place = Position.parse(told[-1][0]), None
                else:
                    after = found.position
                    position = after if isinstance(after, Position) else Position.parse(after)
                got += [name for _, name in told]
    ring = new_ring()
    for partition, offset, event in records:
        ring.add(partition, offset, event)
    place = ring.place_of(position)
    found = ring.read(place, wanted, EVERY_NAME)
    assert found is not None
    assert found.is_all
    got += [name for _, name in text_of(found.chunk)]
    assert sorted(got) == sorted(expected)
    assert len(got) == len(set(got))


@pytest.mark.parametrize("seed", range(20))
def test_a_models_newest_events_are_the_last_of_those_that_are_kept(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    records, kept = some_records(chance, 120), chance.randrange(1, 150)
    ring = new_ring(max_events=kept)
    for each in records:
        ring.add(*each)
    for model in (*MODELS, "another"):
        expected = [event for _, _, event in records[-kept:] if event.told.model == model]
        assert ring.newest_of(model, 7) == expected[::-1][:7]


@pytest.mark.parametrize("seed", range(20))
def test_from_the_id_of_any_event_exactly_the_later_ones_come(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    records = some_records(chance, 120)
    first, second = new_ring(), new_ring()
    for each in records:
        first.add(*each)
    for each in read_elsewhere(chance, records):
        second.add(*each)
    found = first.read(Place(0), Wanted(), EVERY_NAME)
    assert found is not None
    told = text_of(found.chunk)
    for number in chance.sample(range(120), 20):
        position = Position.parse(told[number][0])
        assert second.reaches(position)
        rest = second.read(second.place_of(position), Wanted(), EVERY_NAME)
        assert rest is not None
        assert sorted(name for _, name in text_of(rest.chunk)) == sorted(
            name for _, name in told[number + 1 :]
        )


def test_a_reader_that_the_oldest_event_has_overtaken_is_told_and_memory_has_a_bound() -> None:
    ring = new_ring(max_bytes=20_000)
    slow, position = ring.place_of(ring.position), ring.position
    for number in range(1000):
        ring.add(*record(0, number, "a"))
        assert ring.bytes_kept <= 20_000
    assert ring.read(slow, Wanted(), EVERY_NAME) is None
    assert not ring.reaches(position)
    assert ring.reaches(Position(TOPIC, {0: ring.offsets[0] - 5}))


def test_a_partition_that_is_not_known_yet_is_waited_for() -> None:
    ring = new_ring()
    ahead = ring.position.behind(PARTITIONS, 7)
    assert not ring.has_read(ahead)
    place = ring.place_of(ahead)
    ring.add_partition(PARTITIONS, 0)
    for number in range(10):
        ring.add(*record(PARTITIONS, number, "a"))
    found = ring.read(place, Wanted(), EVERY_NAME)
    assert found is not None
    assert [name for _, name in text_of(found.chunk)] == ["3-8", "3-9"]
    assert ring.has_read(ahead)


def test_a_record_that_tells_nothing_moves_the_place_alone() -> None:
    ring = new_ring()
    place = ring.place_of(ring.position)
    assert not ring.add(1, 4, None)
    found = ring.read(place, Wanted(), EVERY_NAME)
    assert found is not None
    assert (found.chunk, found.position) == (b"", Position(TOPIC, {0: 0, 1: 5, 2: 0}))
