"""What the notifier's readiness tells of how far it is behind, and that it answers in time."""

import asyncio
from datetime import timedelta
from time import time
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from aiokafka import TopicPartition
from pymongo.errors import OperationFailure

from services.notifier import lag
from services.notifier.app import create_app
from services.notifier.context import Context
from services.notifier.health import Health
from shared.database.errors import DatabaseUnavailable
from shared.kafka.consumer_health import ConsumerHealth
from shared.kafka.topic_reader import RawMessage
from tests.support.isolation import SETTINGS

PLACE = TopicPartition("model-events", 0)
FAILURES = [OperationFailure("a defect", 2), DatabaseUnavailable("away"), TimeoutError()]


class Consumer:
    """One that has read seven of ten records."""

    def assignment(self) -> set[TopicPartition]:
        return {PLACE}

    def highwater(self, _partition: TopicPartition) -> int:
        return 10

    async def position(self, _partition: TopicPartition) -> int:
        return 7


@pytest.fixture
def context() -> Context:
    subscriptions = SimpleNamespace(known=tuple)
    return cast(Context, SimpleNamespace(subscriptions=subscriptions, database=None))


@pytest.fixture
def health() -> ConsumerHealth:
    found = ConsumerHealth("batch of model events")
    found.on_partitions_assigned([PLACE])
    return found


def message(seconds_ago: float) -> RawMessage:
    timestamp = int((time() - seconds_ago) * 1000)
    return cast(RawMessage, SimpleNamespace(timestamp=timestamp))


async def test_events_in_hand_are_not_handled_and_have_an_age(
    context: Context, health: ConsumerHealth, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def oldest_due(_database: object, *, without: list[str]) -> timedelta:
        return timedelta(seconds=90)

    monkeypatch.setattr(lag, "oldest_due", oldest_due)
    consumer: Any = Consumer()
    async with health.batch_under_way([message(60), message(50)]):
        told = await lag.notifier_lag(context, consumer, health)
    assert told["events"] == 3 + 2
    assert 60 <= told["oldest_event_seconds"] < 70
    assert told["oldest_delivery_seconds"] == 90


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
async def test_queues_that_cannot_be_looked_at_are_left_out(
    context: Context,
    health: ConsumerHealth,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    async def fails(_database: object, *, without: list[str]) -> timedelta:
        raise error

    monkeypatch.setattr(lag, "oldest_due", fails)
    consumer: Any = Consumer()
    told = await lag.notifier_lag(context, consumer, health)
    assert told == {"events": 3, "oldest_event_seconds": 0.0}


async def test_both_are_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may take as long as a server that is frozen; together they must not."""
    both = asyncio.Barrier(2)

    async def waits_for(_health: Health) -> list[str]:
        await both.wait()
        return ["MongoDB"]

    async def behind(_health: Health) -> dict[str, Any]:
        await both.wait()
        return {"events": 1}

    monkeypatch.setattr(Health, "waits_for", waits_for)
    monkeypatch.setattr(Health, "lag", behind)
    transport = httpx.ASGITransport(create_app(SETTINGS))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://notifier.test") as http,
        asyncio.timeout(5),
    ):
        answer = await http.get("/health/ready")
    assert answer.json() == {"waits_for": ["MongoDB"], "lag": {"events": 1}}
