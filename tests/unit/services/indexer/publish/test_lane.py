"""A lane publishes each model's events in order, and forgets only what was confirmed."""

import asyncio
import json
from collections.abc import Collection, Sequence
from typing import Any, cast

import pytest
from pymongo.errors import OperationFailure

from services.indexer.publish import lane as module
from services.indexer.publish.lane import Hold, Lane
from services.indexer.publish.sink import EventRefused
from shared.database.outbox import Outbox, PendingEvent
from shared.domain.events import version_event, without_artifacts
from shared.kafka.errors import KafkaUnavailable
from shared.runtime import progress
from shared.runtime.progress import Mark, troubles
from tests.support.records import artifact, version

LANE = 3


class Memory:
    """An outbox in memory."""

    def __init__(self, *events: tuple[str, int]) -> None:
        self.events = [pending(model, sequence) for model, sequence in events]
        self.defect: Exception | None = None

    async def pending(
        self, lane: int, limit: int, *, without: Collection[str] = ()
    ) -> tuple[list[PendingEvent], bool]:
        assert lane == LANE
        if self.defect is not None:
            raise self.defect
        return self._first(limit, [each for each in self.events if each.model not in without])

    async def pending_of(self, model: str, limit: int) -> tuple[list[PendingEvent], bool]:
        return self._first(limit, [each for each in self.events if each.model == model])

    def _first(self, limit: int, chosen: list[PendingEvent]) -> tuple[list[PendingEvent], bool]:
        return chosen[:limit], len(chosen) >= limit

    async def remove(self, published: Sequence[PendingEvent]) -> None:
        ids = {event.id for event in published}
        self.events = [event for event in self.events if event.id not in ids]

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.events]


class Kafka:
    """Confirms events, but for those that it is told to lose or to refuse."""

    def __init__(self, *, lost: Collection[str] = (), refused: Collection[str] = ()) -> None:
        self.lost, self.refused = set(lost), set(refused)
        self.largest: int | None = None
        self.broken: set[str] = set()
        """Events that bring out a defect of ours."""
        self.seen: list[str] = []
        self.bodies: dict[str, bytes] = {}

    async def send(self, event: PendingEvent) -> None:
        self.seen.append(event.id)
        if event.id in self.broken:
            raise ZeroDivisionError(event.id)
        if event.id in self.lost:
            raise KafkaUnavailable("TimeoutError")
        if event.id in self.refused or len(event.body) > (self.largest or 1 << 30):
            raise EventRefused("MessageSizeTooLargeError")
        self.bodies[event.id] = event.body


def pending(model: str, sequence: int, files: int = 0) -> PendingEvent:
    files_of_it = [artifact(f"{n}.bin") for n in range(files)]
    record = version(model=model, sequence=sequence).model_copy(update={"artifacts": files_of_it})
    body = version_event("registry.version.created.v1", record).model_dump_json(exclude_none=True)
    name = f"{model}-{sequence}"
    return PendingEvent(name, model, sequence, body.encode(), name, True)


def lane(outbox: Memory, kafka: Kafka) -> Lane:
    return Lane(LANE, cast(Outbox, outbox), kafka)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first pauses take one step of the event loop, those after them as good as for ever."""

    def no_growing_pause(failures: int, _most: float) -> float:
        return 0 if failures < 5 else 3600

    def no_pause(hold: Hold) -> float:
        return no_growing_pause(hold.failures, 0)

    monkeypatch.setattr(Hold, "pause_seconds", no_pause)
    monkeypatch.setattr(progress, "growing_pause", no_growing_pause)


async def followed(publisher: Lane, outbox: Memory, expected: Sequence[str]) -> None:
    """Follow the lane until the outbox holds just this, and then for some more steps."""
    following = asyncio.create_task(publisher.follow())
    try:
        for _ in range(2000):
            await asyncio.sleep(0)
        assert outbox.ids == list(expected)
    finally:
        following.cancel()
        await asyncio.wait((following,))


async def test_what_is_confirmed_leaves_the_outbox() -> None:
    outbox, kafka = Memory(("a", 1), ("a", 2), ("b", 1)), Kafka()
    assert not await lane(outbox, kafka).publish_pending()
    assert sorted(kafka.seen) == ["a-1", "a-2", "b-1"]
    assert kafka.seen.index("a-1") < kafka.seen.index("a-2")
    assert outbox.ids == []


async def test_after_an_unconfirmed_event_nothing_later_of_its_model_is_sent() -> None:
    outbox, kafka = Memory(("a", 1), ("a", 2), ("a", 3), ("b", 1)), Kafka(lost=["a-2"])
    publisher = lane(outbox, kafka)
    await publisher.publish_pending()
    assert "a-3" not in kafka.seen
    assert outbox.ids == ["a-2", "a-3"]
    assert list(publisher.held) == ["a"]


async def test_an_unconfirmed_event_is_sent_again_in_its_place() -> None:
    outbox, kafka = Memory(("a", 1), ("a", 2)), Kafka(lost=["a-1"])
    publisher = lane(outbox, kafka)
    await publisher.publish_pending()
    with pytest.raises(KafkaUnavailable):
        await publisher.publish_held("a")
    kafka.lost.clear()
    await publisher.publish_held("a")
    assert kafka.seen == ["a-1", "a-1", "a-1", "a-2"]
    assert outbox.ids == []


async def test_a_full_batch_says_that_there_may_be_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    outbox, kafka = Memory(("a", 1), ("a", 2), ("a", 3)), Kafka()
    publisher = lane(outbox, kafka)
    assert await publisher.publish_pending()
    assert outbox.ids == ["a-3"]
    assert not await publisher.publish_pending()


@pytest.mark.usefixtures("impatient")
async def test_an_event_that_is_never_taken_holds_up_its_own_model_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)  # the stuck model alone would fill every reading
    stuck = [("a", sequence) for sequence in range(1, 6)]
    outbox = Memory(*stuck, ("b", 1), ("c", 1), ("c", 2), ("d", 1))
    kafka = Kafka(refused=["a-1"])
    await followed(lane(outbox, kafka), outbox, [f"a-{sequence}" for _, sequence in stuck])
    assert kafka.seen.index("c-1") < kafka.seen.index("c-2")
    assert kafka.seen.count("a-1") > 2, "it is tried again"
    assert kafka.seen.count("a-2") == 0


@pytest.mark.usefixtures("impatient")
async def test_a_model_that_was_held_up_goes_on_in_order() -> None:
    outbox, kafka = Memory(("a", 1), ("a", 2), ("b", 1)), Kafka(refused=["a-1"])
    publisher = lane(outbox, kafka)
    await followed(publisher, outbox, ["a-1", "a-2"])
    kafka.refused.clear()
    kafka.seen.clear()
    await followed(publisher, outbox, [])
    assert kafka.seen == ["a-1", "a-2"]
    assert publisher.held == {}


async def test_a_refused_event_leaves_without_its_artifacts() -> None:
    outbox, kafka = Memory(), Kafka()
    outbox.events = [pending("a", 1, files=50), pending("a", 2)]
    kafka.largest = 2000
    await lane(outbox, kafka).publish_pending()
    assert outbox.ids == []
    told = json.loads(kafka.bodies["a-1"])
    assert (told["sequence"], told["data"]["artifacts"]) == (1, [])
    assert kafka.seen == ["a-1", "a-1", "a-2"]


async def test_more_models_than_may_be_held_up_are_no_fault_of_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_HELD", 2)
    outbox, kafka = Memory(("a", 1), ("b", 1), ("c", 1)), Kafka(lost=["a-1", "b-1", "c-1"])
    publisher = lane(outbox, kafka)
    with pytest.raises(KafkaUnavailable):
        await publisher.publish_pending()
    assert len(publisher.held) == 2


@pytest.mark.usefixtures("impatient")
async def test_an_error_that_no_waiting_mends_ends_nothing_and_is_told() -> None:
    outbox, kafka = Memory(("a", 1)), Kafka()
    publisher = lane(outbox, kafka)
    outbox.defect = OperationFailure("no such command", 59)
    await followed(publisher, outbox, ["a-1"])
    assert troubles(publisher.marks()) == [
        "lane 3 of the outbox fails (OperationFailure: no such command)"
    ]
    outbox.defect = None
    await followed(publisher, outbox, [])
    assert troubles(publisher.marks()) == []


@pytest.mark.usefixtures("impatient")
async def test_an_event_that_brings_out_a_defect_holds_up_its_own_model_alone() -> None:
    outbox, kafka = Memory(("a", 1), ("a", 2), ("b", 1)), Kafka()
    kafka.broken = {"a-1"}
    publisher = lane(outbox, kafka)
    told: list[str] = []
    kafka.seen.clear()
    following = asyncio.create_task(publisher.follow())
    for _ in range(500):
        await asyncio.sleep(0)
        told = troubles(publisher.marks()) or told
    following.cancel()
    await asyncio.wait((following,))
    assert outbox.ids == ["a-1", "a-2"]
    assert told == ["model 'a' fails (ZeroDivisionError: a-1)"]
    assert kafka.seen.count("a-1") > 2, "it is tried again"


async def test_a_lane_with_waiting_events_that_does_not_move_is_stuck() -> None:
    outbox, kafka = Memory(("a", 1)), Kafka()
    publisher = lane(outbox, kafka)
    seconds = [0.0]
    publisher.mark = Mark("lane", 60, lambda: seconds[0])
    never = asyncio.Event()

    async def frozen(event: PendingEvent) -> None:
        await never.wait()

    kafka.send = frozen
    following = asyncio.create_task(publisher.follow())
    for _ in range(50):
        await asyncio.sleep(0)
    seconds[0] = 59
    assert not publisher.mark.is_stuck
    seconds[0] = 61
    assert publisher.mark.is_stuck
    following.cancel()
    await asyncio.wait((following,))
    assert not publisher.mark.is_stuck, "nobody follows it here any more"


def test_pauses_grow_up_to_a_limit() -> None:
    for failures in range(1, 40):
        for refused, most in ((False, module.IDLE_SECONDS), (True, 600.0)):
            longest = min(most, 2.0 ** min(failures, 20))
            hold = Hold("", refused, Mark("model", 60), failures)
            assert longest / 2 <= hold.pause_seconds() <= longest


def test_an_event_without_artifacts_cannot_lose_any() -> None:
    assert without_artifacts(pending("a", 1).body) is None
    smaller: Any = json.loads(without_artifacts(pending("a", 1, files=3).body) or b"")
    whole: Any = json.loads(pending("a", 1, files=3).body)
    assert smaller["data"].pop("artifacts") == []
    assert whole["data"].pop("artifacts")
    assert smaller["id"] == whole["id"]
    assert smaller["data"] == whole["data"]
