"""The relay publishes each model's events in order, and forgets only what was confirmed."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.indexer.context import Context
from services.indexer.kafka.errors import KafkaUnavailable
from services.indexer.publish import relay as module
from services.indexer.publish.relay import Relay
from shared.database.outbox import PendingEvent

LANE = 3


class Outbox:
    """An outbox in memory."""

    def __init__(self, *events: tuple[str, int]) -> None:
        self.events = [
            PendingEvent(f"{model}-{sequence}", model, sequence, b"{}", f"{model}-{sequence}", True)
            for model, sequence in events
        ]

    async def pending(self, lane: int, limit: int) -> tuple[list[PendingEvent], bool]:
        assert lane == LANE
        return self.events[:limit], len(self.events) >= limit

    async def remove(self, published: Sequence[PendingEvent]) -> None:
        self.events = [event for event in self.events if event not in published]

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.events]


class Kafka:
    """Confirms events, but for those that it is told to lose."""

    def __init__(self, *lost: str) -> None:
        self.lost = set(lost)
        self.seen: list[str] = []

    async def send(self, event: PendingEvent) -> None:
        self.seen.append(event.id)
        if event.id in self.lost:
            raise KafkaUnavailable("TimeoutError")


def relay(outbox: Outbox, kafka: Kafka) -> Relay:
    context: Any = SimpleNamespace(outbox=outbox)
    return Relay(cast(Context, context), kafka)


async def test_what_is_confirmed_leaves_the_outbox() -> None:
    outbox, kafka = Outbox(("a", 1), ("a", 2), ("b", 1)), Kafka()
    assert not await relay(outbox, kafka).publish_pending(LANE)
    assert sorted(kafka.seen) == ["a-1", "a-2", "b-1"]
    assert kafka.seen.index("a-1") < kafka.seen.index("a-2")
    assert outbox.ids == []


async def test_after_an_unconfirmed_event_nothing_later_of_its_model_is_sent() -> None:
    outbox, kafka = Outbox(("a", 1), ("a", 2), ("a", 3)), Kafka("a-2")
    with pytest.raises(KafkaUnavailable):
        await relay(outbox, kafka).publish_pending(LANE)
    assert kafka.seen == ["a-1", "a-2"]
    assert outbox.ids == ["a-2", "a-3"]


async def test_an_unconfirmed_event_is_sent_again_in_its_place() -> None:
    outbox, kafka = Outbox(("a", 1), ("a", 2)), Kafka("a-1")
    with pytest.raises(KafkaUnavailable):
        await relay(outbox, kafka).publish_pending(LANE)
    kafka.lost.clear()
    await relay(outbox, kafka).publish_pending(LANE)
    assert kafka.seen == ["a-1", "a-1", "a-2"]
    assert outbox.ids == []


async def test_a_full_batch_says_that_there_may_be_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    outbox, kafka = Outbox(("a", 1), ("a", 2), ("a", 3)), Kafka()
    publisher = relay(outbox, kafka)
    assert await publisher.publish_pending(LANE)
    assert outbox.ids == ["a-3"]
    assert not await publisher.publish_pending(LANE)
