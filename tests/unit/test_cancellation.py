"""Every long-running loop ends when it is told to, at whatever step of its life that comes.

Each is cancelled at every step of two rounds. What it tidies up at its end succeeds, or fails since
a server is away: the error must not take the place of the cancellation.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pymongo.errors import AutoReconnect

from registry.schemas import Version
from services.indexer.context import Context
from services.indexer.kafka.watch import KafkaWatch
from services.indexer.publish.relay import Relay
from services.indexer.publish.sink import EventRefused
from services.indexer.reconcile import schedule
from services.indexer.reconcile.periodic import Periodic
from services.indexer.reconcile.schedule import Reconciler
from services.indexer.work import workers
from services.indexer.work.workers import Workers
from services.query.versions.feed import VersionFeed
from shared.database.client import Database
from shared.database.errors import DatabaseUnavailable
from shared.database.leases import keep_renewed
from shared.database.outbox import PendingEvent
from shared.database.watch import stream_mark, watch_outbox
from shared.domain.events import version_event
from shared.kafka.errors import KafkaUnreadable
from shared.runtime import tasks
from shared.runtime.startup import until_done
from shared.runtime.tasks import woken
from tests.support.change_answers import ChangeAnswers
from tests.support.records import version
from tests.support.stepping import Life, cancel_at_every_step

EVENT = version_event("registry.version.created.v1", version()).model_dump_json().encode()
Begin = Callable[[asyncio.AbstractEventLoop], Life]


async def answer(server_is_away: bool = False) -> None:
    """What a server takes: three steps, as a driver's future does."""
    for _ in range(3):
        await asyncio.sleep(0)
    if server_is_away:
        raise DatabaseUnavailable("it is away")


async def answer_of_driver(server_is_away: bool) -> None:
    """What MongoDB's driver itself takes, with its own error."""
    await answer()
    if server_is_away:
        raise AutoReconnect("it is away")


class Servers:
    """Answers everything in some steps, until a cancellation has come; then it may be away."""

    def __init__(self, away_at_the_end: bool) -> None:
        self._away_at_the_end = away_at_the_end
        self.rounds = 0
        self.events = iter(range(1, 1000))
        self.leases = SimpleNamespace(update_one=self.update_one, delete_one=self.at_the_end)

    async def now(self) -> datetime:
        await answer()
        return datetime(2026, 1, 1, tzinfo=UTC)

    async def update_one(self, *_: Any, **__: Any) -> Any:
        await answer()
        return SimpleNamespace(matched_count=1)

    async def at_the_end(self, *_: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        await answer(self._away_at_the_end and task.cancelling() > 0)

    async def pending(self, lane: int, *_: Any, **__: Any) -> tuple[list[PendingEvent], bool]:
        await answer()
        if lane:
            return [], False
        self.rounds += 1
        number = next(self.events)
        return [PendingEvent(str(number), "churn", number, EVENT, str(number), True)], False

    async def pending_of(self, model: str, _: int) -> tuple[list[PendingEvent], bool]:
        await answer()
        event = next(self.events)
        return [PendingEvent(str(event), model, event, EVENT, str(event), True)], False

    async def remove(self, published: Sequence[PendingEvent]) -> None:
        await self.at_the_end()

    async def send(self, event: PendingEvent) -> None:
        await answer()
        if event.sequence % 3 == 1:
            raise EventRefused("MessageSizeTooLargeError")

    async def renewed(self) -> bool:
        self.rounds += 1
        await answer(self.rounds % 2 == 0)
        return True

    @asynccontextmanager
    async def aggregate_raw_batches(self, *_: Any, **__: Any) -> AsyncGenerator[Any]:
        async def change() -> list[str]:
            self.rounds += 1
            await answer_of_driver(self.rounds == 1)
            return ["1"]

        try:
            yield ChangeAnswers(change)
        finally:
            task = asyncio.current_task()
            assert task is not None
            await answer_of_driver(self._away_at_the_end and task.cancelling() > 0)

    @property
    def name(self) -> str:
        return "versions"


@pytest.fixture(params=[False, True], ids=["tidied up", "servers away at the end"])
def servers(request: pytest.FixtureRequest) -> Callable[[], Servers]:
    return lambda: Servers(request.param)


def context_of(found: Servers, **settings: Any) -> Context:
    context: Any = SimpleNamespace(
        outbox=found, database=found, settings=SimpleNamespace(**settings)
    )
    return cast(Context, context)


def waiting_by(wait: Callable[[asyncio.Event, float], Coroutine[Any, Any, None]]) -> Begin:
    """A loop that waits for an event, which is set a second later."""

    def begin(loop: asyncio.AbstractEventLoop) -> Life:
        wake, rounds = asyncio.Event(), [0]

        async def run() -> None:
            while True:
                wake.clear()
                loop.call_later(1, wake.set)
                await wait(wake, 5)
                rounds[0] += 1

        return Life(run(), lambda: rounds[0])

    return begin


def test_a_wait_for_an_event_that_is_set() -> None:
    assert cancel_at_every_step(waiting_by(woken)) > 3


def test_a_wait_that_swallows_its_cancellation_would_be_found() -> None:
    async def swallowing(wake: asyncio.Event, _: float) -> None:
        try:
            await wake.wait()
        except asyncio.CancelledError:
            if not wake.is_set():  # what asyncio.wait_for does on Python 3.11
                raise

    with pytest.raises(AssertionError, match="it lives on"):
        cancel_at_every_step(waiting_by(swallowing))


def test_the_relay_and_its_lanes(servers: Callable[[], Servers]) -> None:
    def begin(loop: asyncio.AbstractEventLoop) -> Life:
        found = servers()
        relay = Relay(context_of(found), found)
        for seconds in range(1, 20):
            loop.call_later(seconds / 4, relay.wake)
        return Life(relay.run(), lambda: found.rounds)

    assert cancel_at_every_step(begin) > 20


def test_the_workers(servers: Callable[[], Servers], monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(loop: asyncio.AbstractEventLoop) -> Life:
        found = servers()

        async def work_once(*_: Any) -> bool:
            found.rounds += 1
            try:
                await answer()
                return found.rounds % 2 == 1
            finally:
                await found.at_the_end()

        monkeypatch.setattr(workers, "work_once", work_once)
        team = Workers(context_of(found, verify_concurrency=2), cast(Any, None))
        for seconds in range(1, 20):
            loop.call_later(seconds / 4, team.wake)
        return Life(team.run(), lambda: found.rounds // 4)

    assert cancel_at_every_step(begin) > 10


@pytest.mark.parametrize("fails", [False, True])
def test_the_schedule_of_comparisons(
    servers: Callable[[], Servers], monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    class Reader:
        async def unacknowledged(self, _: str) -> int:
            await answer()
            return 0

    @asynccontextmanager
    async def open_reader(*_: Any) -> AsyncGenerator[Reader]:
        await answer()
        if fails:
            raise KafkaUnreadable("TimeoutError")
        yield Reader()

    def begin(loop: asyncio.AbstractEventLoop) -> Life:
        found = servers()

        async def until_due(*_: Any) -> timedelta:
            await answer()
            return timedelta(seconds=1)

        async def reconcile_when_due(*_: Any, **__: Any) -> object:
            found.rounds += 1
            try:
                await answer(fails)
            finally:
                await found.at_the_end()
            return object()

        monkeypatch.setattr(schedule, "open_reader", open_reader)
        monkeypatch.setattr(schedule, "until_due", until_due)
        monkeypatch.setattr(schedule, "reconcile_when_due", reconcile_when_due)
        context = context_of(
            found,
            reconcile_interval_seconds=2,
            reconcile_requests_per_second=500,
            kafka_bucket_events_topic="bucket-events",
            kafka_indexer_group="indexer",
            indexer_batch_size=10,
        )
        return Life(Reconciler(context, lambda: None).run(), lambda: found.rounds)

    assert cancel_at_every_step(begin) > 10


@pytest.mark.parametrize("fails", [False, True])
def test_work_that_is_done_again_and_again(servers: Callable[[], Servers], fails: bool) -> None:
    def begin(loop: asyncio.AbstractEventLoop) -> Life:
        found = servers()

        async def work() -> None:
            found.rounds += 1
            try:
                await answer(fails)
            finally:
                await found.at_the_end()

        part = Periodic(context_of(found), "expire", work, pause_seconds=1, requests_per_second=1)
        return Life(part.run(), lambda: found.rounds)

    assert cancel_at_every_step(begin) > 10


def test_the_watch_of_kafka(servers: Callable[[], Servers]) -> None:
    def begin(loop: asyncio.AbstractEventLoop) -> Life:
        found = servers()

        async def answers(_: float) -> bool:
            found.rounds += 1
            try:
                await answer()
            finally:
                await found.at_the_end()
            return found.rounds % 2 == 0

        probe: Any = SimpleNamespace(answers=answers)
        return Life(KafkaWatch(probe, lambda: None).run(), lambda: found.rounds)

    assert cancel_at_every_step(begin) > 5


def test_a_change_stream(servers: Callable[[], Servers]) -> None:
    def begin(loop: asyncio.AbstractEventLoop) -> Life:
        found = servers()
        outbox = SimpleNamespace(driver=found, name="outbox")
        database: Any = SimpleNamespace(outbox=outbox)
        stream = stream_mark("outbox")
        return Life(watch_outbox(database, lambda _: None, stream), lambda: found.rounds // 2)

    assert cancel_at_every_step(begin) > 5


def test_the_renewal_of_a_lease(servers: Callable[[], Servers]) -> None:
    def begin(loop: asyncio.AbstractEventLoop) -> Life:
        found = servers()
        return Life(keep_renewed("relay", found.renewed, seconds=6), lambda: found.rounds)

    assert cancel_at_every_step(begin) > 5


def test_the_wait_for_a_server_at_the_start(servers: Callable[[], Servers]) -> None:
    def begin(loop: asyncio.AbstractEventLoop) -> Life:
        found = servers()

        async def connect() -> None:
            found.rounds += 1
            try:
                await answer(server_is_away=True)
            finally:
                await found.at_the_end()

        start = until_done("MongoDB", connect, errors=(DatabaseUnavailable,))
        return Life(start, lambda: found.rounds)

    assert cancel_at_every_step(begin) > 5


def test_the_feed_and_the_requests_that_wait(servers: Callable[[], Servers]) -> None:
    pending: Any = SimpleNamespace(id="1", state="pending")

    def begin(loop: asyncio.AbstractEventLoop) -> Life:
        found = servers()
        database: Any = SimpleNamespace(versions=SimpleNamespace(driver=found, name="versions"))
        feed = VersionFeed(cast(Database, database))

        async def look() -> Version:
            await answer()
            return pending

        async def run() -> None:
            await tasks.run_all([feed.run(), *(feed.settled(pending, look, 30) for _ in range(3))])

        return Life(run(), lambda: found.rounds // 2)

    assert cancel_at_every_step(begin) > 5
