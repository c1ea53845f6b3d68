"""Deliveries and their queues: recorded once, held by one, never lost between two steps."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from registry.schemas.webhooks import ReplayRequest
from services.ingest.context import Context as IngestContext
from services.ingest.webhooks import deliveries as asked
from services.notifier.context import Context
from services.notifier.receiving.recording import record_batch
from services.notifier.sending.delivering import Deliverer, GoOn, Rest
from services.notifier.sending.sender import Sender
from shared.database.audit import AuditFilter, list_entries
from shared.database.client import Database
from shared.database.errors import DatabaseUnavailable
from shared.database.tokens import keep_token, revoke_token
from shared.database.webhooks import deliveries, queues, subscriptions
from shared.database.webhooks.disabling import disable_subscription
from shared.domain.access.actions import Action
from shared.domain.access.decision import EVERY_NAME
from shared.domain.access.grants import Grant
from shared.domain.access.principals import Principal
from shared.domain.access.tokens import TokenRecord, TokenText
from shared.domain.records import utc_now
from shared.domain.webhooks.records import queue_of
from shared.runtime.settings import Settings
from shared.web.access.audit import open_audit
from shared.web.access.caller import Caller
from shared.web.access.trail import Trail
from tests.integration.webhook_drafts import KEPT, delivery, subscribed
from tests.integration.webhook_rig import (
    Buried,
    dispatching,
    listed,
    message,
    raw,
    until,
    waiting_queue,
)
from tests.support.eventually import eventually
from tests.support.receiver import HANG, receiver
from tests.support.wire_faults import UNAUTHORIZED, WRITE_CONFLICT
from tests.support.wire_messages import Command
from tests.support.wire_proxy import WireProxy

LEASE = timedelta(seconds=60)


@pytest.fixture
def context(settings: Settings, database: Database) -> Context:
    return Context.create(settings, database)


async def test_a_batch_that_comes_again_doubles_nothing(context: Context, model: str) -> None:
    made = await subscribed(context.database, models=[model])
    batch = [message(model, number) for number in (1, 2, 2, 3)]
    for _ in range(3):
        assert await record_batch(batch, context, Buried())
    assert [each.sequence for each in await listed(context.database, made.id)] == [1, 2, 3]


async def test_a_subscription_is_known_to_the_batch_that_is_read_after_it_was_made(
    context: Context, model: str
) -> None:
    await context.subscriptions.current()
    for number in range(1, 4):
        made = await subscribed(context.database, models=[model])
        assert await record_batch([message(model, number)], context, Buried())
        assert [each.sequence for each in await listed(context.database, made.id)] == [number]


async def test_what_is_no_event_becomes_a_dead_letter_and_the_others_go_on(
    context: Context, model: str
) -> None:
    made = await subscribed(context.database, models=[model])
    buried = Buried()
    poison = [raw(None), raw(b"\xff"), raw(b"[]"), message(model, 1), raw(b'{"type": 1}')]
    foreign = message(model, 2, source="/another")
    namespace = message(model, 3, type="registry.namespace.rules.v1", data={"scope": "*"})
    assert await record_batch([*poison, foreign, namespace], context, buried)
    assert len(buried) == 4
    assert {letter.headers["original-offset"] for letter in buried} == {"7"}
    assert [each.sequence for each in await listed(context.database, made.id)] == [1]


async def test_an_owner_whose_token_is_gone_is_told_of_nothing_more(
    context: Context, model: str
) -> None:
    database = context.database
    text, now = TokenText.new(), utc_now()
    token = TokenRecord(
        id=text.id,
        name="owner",
        prefix=text.shown,
        sha256=text.digest,
        owner="administrator",
        grants=(f"events:{model}",),
        created_at=now,
    )
    await keep_token(database, token)
    made = await subscribed(database, models=["*"], owner=f"token:{token.id}")
    other = f"other-{model}"
    await record_batch([message(other, 1), message(model, 1)], context, Buried())
    assert [each.model for each in await listed(database, made.id)] == [model]
    await revoke_token(database, token.id, now)
    later = Context.create(context.settings, database)
    await later.subscriptions.current()
    async with Sender.open(context.settings) as sender:
        [first] = await deliveries.waiting_in(database, queue_of(made.id, model), 5)
        assert isinstance(await Deliverer(later, sender).deliver(made, first), Rest)
    found = await subscriptions.find_subscription(database, made.id)
    assert found is not None
    assert (found.state, found.reason) == ("disabled", "owner_gone")


async def test_a_delivery_of_what_the_owner_may_not_read_any_more_is_withheld(
    context: Context, model: str
) -> None:
    database = context.database
    text, now = TokenText.new(), utc_now()
    token = TokenRecord(
        id=text.id,
        name="owner",
        prefix=text.shown,
        sha256=text.digest,
        owner="administrator",
        grants=("reader:elsewhere",),
        created_at=now,
    )
    await keep_token(database, token)
    with receiver() as hook:
        made = await subscribed(database, url=hook.url, owner=f"token:{token.id}")
        await deliveries.record_deliveries(database, [delivery(made.id, model, 1)])
        async with Sender.open(context.settings) as sender:
            [first] = await deliveries.waiting_in(database, queue_of(made.id, model), 5)
            became = await Deliverer(context, sender).deliver(made, first)
        assert became == GoOn(is_delivered=False)
        assert hook.received == []
    assert [each.state for each in await listed(database, made.id)] == ["withheld"]


async def test_a_queue_is_taken_by_one_of_many(database: Database, model: str) -> None:
    made = await subscribed(database)
    await deliveries.record_deliveries(database, [delivery(made.id, model, 1)])
    queue = await waiting_queue(database, made.id, model)
    taken = await asyncio.gather(
        *(queues.take_queue(database, queue, f"token-{number}", LEASE) for number in range(10))
    )
    assert taken.count(True) == 1
    token = f"token-{taken.index(True)}"
    assert await queues.renew_queue(database, queue.id, token, LEASE) is not None
    assert await queues.renew_queue(database, queue.id, "another", LEASE) is None
    assert await waiting_queue(database, made.id, model) is None


async def test_a_queue_into_which_something_was_put_meanwhile_is_not_removed(
    database: Database, model: str
) -> None:
    made = await subscribed(database)
    await deliveries.record_deliveries(database, [delivery(made.id, model, 1)])
    queue = await waiting_queue(database, made.id, model)
    assert await queues.take_queue(database, queue, "token", LEASE)
    pushed = await queues.renew_queue(database, queue.id, "token", LEASE)
    assert pushed is not None
    [first] = await deliveries.waiting_in(database, queue.id, 5)
    await deliveries.settle(database, first, "delivered", utc_now())
    assert await deliveries.waiting_in(database, queue.id, 5) == []
    # Here the consumer puts one in, behind the look.
    await deliveries.record_deliveries(database, [delivery(made.id, model, 2)])
    assert not await queues.remove_queue(database, queue.id, "token", pushed)
    await queues.give_back_queue(database, queue.id, "token")
    assert await waiting_queue(database, made.id, model) is not None


async def test_disabling_is_one_transaction_that_is_run_again_after_conflicts(
    faulty: Database, proxy: WireProxy
) -> None:
    made = await subscribed(faulty)

    def writes_it(command: Command) -> bool:
        return command.is_write and command.collection in ("subscriptions", "outbox", "audit")

    script = proxy.inject(WRITE_CONFLICT, writes_it, times=3)
    after = await disable_subscription(faulty, made.id, "failing")
    assert script.left == 0
    assert after is not None
    assert await disable_subscription(faulty, made.id, "failing") is None, "it is told once"
    told = await faulty.outbox.find({"model": f"webhook:{made.id}"}).to_list()
    assert [each["sequence"] for each in told] == [1]
    wanted = AuditFilter(action="webhook.disable")
    entries = await list_entries(faulty, EVERY_NAME, wanted, before=None, limit=50)
    assert [each.subject for each in entries].count(f"webhook:{made.id}") == 1


async def test_three_secrets_are_never_live_at_once(database: Database) -> None:
    made = await subscribed(database)
    for number in range(4):
        rotated = await subscriptions.rotate_secret(
            database, made.id, f"whsec_{number}", timedelta(hours=1)
        )
        assert rotated is not None
        live = rotated.live(utc_now())
        assert len(live) == 2
        assert live[0] == f"whsec_{number}"
        assert len(rotated.live(utc_now() + timedelta(hours=2))) == 1
    at_once = await subscriptions.rotate_secret(database, made.id, "whsec_x", timedelta())
    assert at_once is not None
    assert at_once.live(utc_now()) == ["whsec_x"]


async def test_what_fails_for_too_long_is_given_up_and_the_next_one_goes(
    database: Database, settings: Settings, model: str
) -> None:
    impatient = settings.model_copy(update={"webhook_give_up_seconds": 0.3})
    with receiver() as hook:
        hook.behave(lambda each: 500 if each.id.endswith("-1") else 200)
        made = await subscribed(database, url=hook.url)
        two = [delivery(made.id, model, number) for number in (1, 2)]
        await deliveries.record_deliveries(database, two)
        async with dispatching(database, impatient):
            await until(database, made, "failed", "delivered")
    [failed, _] = await listed(database, made.id)
    assert failed.attempt_count >= 2
    assert [each.status for each in failed.attempts] == [500] * failed.attempt_count
    assert {each.id for each in hook.received[:-1]} == {failed.event_id}


async def test_a_receiver_that_never_answers_is_disabled_after_a_while_and_loses_nothing(
    database: Database, settings: Settings, model: str
) -> None:
    impatient = settings.model_copy(update={"webhook_disable_seconds": 0.5})
    with receiver() as hook:
        hook.behave(lambda _: 503)
        made = await subscribed(database, url=hook.url)
        await deliveries.record_deliveries(database, [delivery(made.id, model, 1)])
        async with dispatching(database, impatient):

            async def disabled() -> bool | None:
                found = await subscriptions.find_subscription(database, made.id)
                return True if found is not None and found.state == "disabled" else None

            await eventually(disabled)
            seen = len(hook.received)
            hook.behave(lambda _: 200)
            await subscriptions.change_subscription(
                database, made.id, {"state": "active", "failing_since": None, "reason": ""}
            )
            await queues.hurry(database, made.id)
            await until(database, made, "delivered")
    assert len(hook.received) == seen + 1


async def test_a_queue_of_a_subscription_that_is_gone_is_removed_with_what_waits(
    database: Database, settings: Settings, model: str
) -> None:
    made = await subscribed(database, url="http://127.0.0.1:9/")
    await deliveries.record_deliveries(database, [delivery(made.id, model, 1)])
    await subscriptions.remove_subscription(database, made.id)
    async with dispatching(database, settings):

        async def gone() -> bool | None:
            left = await listed(database, made.id)
            return (
                True if not left and await waiting_queue(database, made.id, model) is None else None
            )

        await eventually(gone)


async def test_what_is_under_way_at_the_end_is_given_back_at_once(
    database: Database, settings: Settings, model: str
) -> None:
    slow = settings.model_copy(update={"webhook_timeout_seconds": 20.0})
    with receiver() as hook:
        hook.behave(lambda _: HANG)
        made = await subscribed(database, url=hook.url)
        await deliveries.record_deliveries(database, [delivery(made.id, model, 1)])
        async with dispatching(database, slow):
            await hook.until_received(1)
        assert await waiting_queue(database, made.id, model) is not None, (
            "its lease is not waited for"
        )
        hook.behave(lambda _: 200)
        async with dispatching(database, settings):
            await until(database, made, "delivered")
    assert len({each.id for each in hook.received}) == 1


async def test_a_settled_delivery_that_is_replayed_twice_waits_once(
    database: Database, model: str
) -> None:
    made = await subscribed(database)
    first = delivery(made.id, model, 1)
    await deliveries.record_deliveries(database, [first])
    await deliveries.settle(database, first, "delivered", utc_now())
    for _ in range(2):
        await deliveries.replay(database, [first], KEPT)
    [again] = await deliveries.waiting_in(database, queue_of(made.id, model), 5)
    assert (again.replays, again.tries, again.settled_at) == (1, 0, None)
    assert await waiting_queue(database, made.id, model) is not None


async def test_a_replay_of_more_than_one_request_takes_begins_with_the_oldest(
    database: Database, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "MOST_REPLAYED", 2)
    made = await subscribed(database)
    now = utc_now()
    drafts = [
        delivery(made.id, model, number).model_copy(
            update={"recorded_at": now - timedelta(minutes=10 - number)}
        )
        for number in range(1, 6)
    ]
    await deliveries.record_deliveries(database, drafts)
    for each in drafts:
        await deliveries.settle(database, each, "failed", now)
    context = cast(
        IngestContext, SimpleNamespace(database=database, webhook_retention=timedelta(days=30))
    )
    principal = Principal("token:1", "token", "a test", (Grant.parse("admin:*"),))
    wanted = ReplayRequest(model=model, failed_only=True)
    async with open_audit(database) as audit:
        caller = Caller(principal, Action.MANAGE_WEBHOOKS, Trail(audit, "192.0.2.1", "r"))
        for expected in ([1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5]):
            done = await asked.replay(made.id, wanted, caller, context)
            assert done.is_complete is (len(expected) == 5)
            rest_from = None if done.is_complete else drafts[expected[-1] - 1].recorded_at
            assert done.rest_from == rest_from
            waiting = await deliveries.waiting_in(database, queue_of(made.id, model), 9)
            assert [each.sequence for each in waiting] == expected


async def test_while_the_database_is_away_a_batch_is_not_acknowledged(
    faulty: Database, proxy: WireProxy, settings: Settings, model: str
) -> None:
    made = await subscribed(faulty, models=[model])
    context = Context.create(settings, faulty)

    def pushes(command: Command) -> bool:
        return command.is_write and command.collection == "delivery_queues"

    proxy.inject(UNAUTHORIZED, pushes)
    with pytest.raises(DatabaseUnavailable):
        await record_batch([message(model, 1)], context, Buried())
    assert await record_batch([message(model, 1)], context, Buried())
    assert [each.sequence for each in await listed(faulty, made.id)] == [1]
    assert await waiting_queue(faulty, made.id, model) is not None
