"""What one subscription, receiver or record of the topic does to all the others: nothing."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from time import monotonic
from typing import Any

import pytest

from local.processes.ports import HOST
from services.notifier.context import Context
from services.notifier.receiving.recording import record_batch
from shared.database import bulk
from shared.database.client import Database
from shared.database.errors import DatabaseUnavailable
from shared.database.webhooks import deliveries, subscriptions
from shared.domain.records import utc_now
from shared.domain.webhooks.records import queue_of
from shared.runtime.settings import Settings
from tests.integration.webhook_drafts import KEPT, delivery, subscribed
from tests.integration.webhook_rig import Buried, dispatching, listed, message, until
from tests.support.accepting import accepting
from tests.support.eventually import eventually
from tests.support.receiver import receiver
from tests.support.wire_faults import UNAUTHORIZED
from tests.support.wire_messages import Command
from tests.support.wire_proxy import WireProxy

SLOW_SECONDS = 1.5


@pytest.fixture
def context(settings: Settings, database: Database) -> Context:
    return Context.create(settings, database)


@pytest.mark.parametrize(
    "changes",
    [
        {"time": "2026-11-28T22:00:00"},
        {"sequence": 2**70},
        {"sequence": -1},
        {"id": "x" * 5000},
        {"id": "two\nlines"},
        {"id": "caf\u00e9"},
        {"data": {"model": "x" * 5000, "version_id": "absent"}},
    ],
)
async def test_a_record_that_no_delivery_could_hold_becomes_a_dead_letter(
    context: Context, model: str, changes: dict[str, Any]
) -> None:
    made = await subscribed(context.database)
    buried = Buried()
    assert await record_batch([message(model, 1, **changes), message(model, 2)], context, buried)
    assert len(buried) == 1
    assert [each.sequence for each in await listed(context.database, made.id)] == [2]


@asynccontextmanager
async def slow_receiver(answered: list[float]) -> AsyncGenerator[str]:
    """Answer each request well, but not before some time; all of them side by side."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(SLOW_SECONDS)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        answered.append(monotonic())

    async with accepting(serve) as port:
        yield f"http://{HOST}:{port}/"


async def test_receivers_that_answer_slowly_leave_half_of_all_places_to_the_others(
    database: Database, settings: Settings, model: str
) -> None:
    few = settings.model_copy(update={"webhook_concurrency": 4, "webhook_timeout_seconds": 20.0})
    answered: list[float] = []
    async with slow_receiver(answered) as url, dispatching(database, few) as dispatcher:
        for _ in range(2):
            made = await subscribed(database, url=url)
            for number in range(4):
                many = [delivery(made.id, f"{model}-{number}", each) for each in range(20)]
                await deliveries.record_deliveries(database, many)
        dispatcher.wake()

        async def are_known_as_slow() -> bool | None:
            return True if len(answered) >= 8 else None

        await eventually(are_known_as_slow)
        with receiver() as hook:
            well = await subscribed(database, url=hook.url)
            one = [delivery(well.id, model, number) for number in range(20)]
            await deliveries.record_deliveries(database, one)
            await hook.until_accepted(20, seconds=10)


async def test_many_queues_of_a_subscription_that_is_gone_hold_up_nobody(
    database: Database, settings: Settings, model: str
) -> None:
    gone = await subscribed(database, url="http://127.0.0.1:9/", state="paused")
    await deliveries.record_deliveries(
        database, [delivery(gone.id, f"{model}-{number}", 1) for number in range(1000)]
    )
    await subscriptions.remove_subscription(database, gone.id)
    with receiver() as hook:
        made = await subscribed(database, url=hook.url)
        await deliveries.record_deliveries(database, [delivery(made.id, model, 1)])
        async with dispatching(database, settings):
            await hook.until_accepted(1, seconds=5)


async def test_what_is_replayed_waits_from_the_oldest_on_at_every_moment(
    faulty: Database, proxy: WireProxy, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """The queue may be sent from while it is filled again."""
    monkeypatch.setattr(bulk, "CHANGES_TOGETHER", 1)
    made = await subscribed(faulty)
    many = [delivery(made.id, model, number) for number in range(1, 6)]
    await deliveries.record_deliveries(faulty, many)
    for each in many:
        await deliveries.settle(faulty, each, "delivered", utc_now())
    newest_first = [*reversed(await listed(faulty, made.id))]
    written = count()

    def is_third(command: Command) -> bool:
        return command.is_write and command.collection == "deliveries" and next(written) == 2

    proxy.inject(UNAUTHORIZED, is_third)
    with pytest.raises(DatabaseUnavailable):
        await deliveries.replay(faulty, newest_first, KEPT)
    waiting = await deliveries.waiting_in(faulty, queue_of(made.id, model), 9)
    assert [each.sequence for each in waiting] == [1, 2]


async def test_what_one_model_cannot_deliver_is_tried_more_and_more_rarely(
    database: Database, settings: Settings, model: str
) -> None:
    """Also while the receiver takes all the others."""
    patient = settings.model_copy(
        update={"webhook_first_pause_seconds": 60.0, "webhook_longest_pause_seconds": 60.0}
    )
    with receiver() as hook:
        hook.behave(lambda each: 500 if each.id.startswith("poison") else 200)
        made = await subscribed(database, url=hook.url)
        await deliveries.record_deliveries(database, [delivery(made.id, f"poison-{model}", 1)])
        async with dispatching(database, patient) as dispatcher:
            await hook.until_received(1)
            for number in range(1, 30):
                await deliveries.record_deliveries(database, [delivery(made.id, model, number)])
                dispatcher.wake()
                await hook.until_accepted(number)
        tried = [each for each in hook.received if each.id.startswith("poison")]
    assert len(tried) <= 3


async def test_a_delivery_is_not_given_up_for_the_time_in_which_nothing_was_sent(
    database: Database, settings: Settings, model: str
) -> None:
    long_ago = utc_now() - timedelta(days=9)
    with receiver() as hook:
        hook.behave(lambda _: 503)
        made = await subscribed(database, url=hook.url, state="paused")
        waiting = delivery(made.id, model, 1, first_attempt_at=long_ago, recorded_at=long_ago)
        await deliveries.record_deliveries(database, [waiting])
        resumed = {"state": "active", "resumed_at": await database.now()}
        await subscriptions.change_subscription(database, made.id, resumed)
        async with dispatching(database, settings):
            await hook.until_received(2)
            hook.behave(lambda _: 200)
            await until(database, made, "delivered")
