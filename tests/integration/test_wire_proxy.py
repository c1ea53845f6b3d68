"""The wire proxy: what it passes, what it makes up, and what the driver makes of that."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError, WriteError
from pymongo.monitoring import (
    ServerClosedEvent,
    ServerDescriptionChangedEvent,
    ServerListener,
    ServerOpeningEvent,
)

from tests.support.servers import Addresses, retrying
from tests.support.wire_faults import (
    ANSWER_LOST,
    CONNECTION_DROPPED,
    HOST_UNREACHABLE_AFTER,
    NO_SUCH_TRANSACTION,
    NOT_WRITABLE_PRIMARY,
    SHUTDOWN_AFTER,
    TOO_LARGE,
    UNAUTHORIZED,
    WRITE_CONCERN_TIMEOUT_AFTER,
    WRITE_CONFLICT,
    Fault,
)
from tests.support.wire_messages import Command
from tests.support.wire_proxy import WireProxy, wire_proxy

Client = AsyncMongoClient[dict[str, Any]]
Collection = AsyncCollection[dict[str, Any]]
Session = AsyncClientSession


def client_of(proxy: WireProxy) -> Client:
    """The time is long enough for a large write on a machine that is busy with other tests."""
    return AsyncMongoClient(proxy.url, timeoutMS=60_000)


@pytest.fixture
async def client(proxy: WireProxy) -> AsyncIterator[Client]:
    async with client_of(proxy) as opened:
        yield opened


@pytest.fixture
async def counters(client: Client) -> Collection:
    """A collection with one document, whose `n` is 0."""
    collection = client[f"test_{uuid4().hex[:12]}"]["counters"]
    await collection.insert_one({"_id": "a", "n": 0})
    return collection


async def count_up(counters: Collection, session: Session | None = None) -> None:
    await counters.update_one({"_id": "a"}, {"$inc": {"n": 1}}, session=session)


async def counted(counters: Collection) -> int:
    found = await counters.find_one({"_id": "a"})
    assert found is not None
    return found["n"]


async def count_in_transaction(client: Client, counters: Collection) -> int:
    """Count up twice in one transaction; returns how often that was tried."""
    tries = 0

    async def work(session: Session) -> None:
        nonlocal tries
        tries += 1
        await count_up(counters, session)
        await count_up(counters, session)

    async with client.start_session() as session:
        await session.with_transaction(work)
    return tries


def is_update(command: Command) -> bool:
    return command.name == "update"


async def test_what_nobody_asked_to_fail_passes(
    client: Client, counters: Collection, proxy: WireProxy
) -> None:
    large = {"_id": "large", "bytes": b"x" * 8_000_000}
    await counters.insert_many([large, *({"_id": number} for number in range(5000))])
    assert await counters.find_one({"_id": "large"}) == large
    assert await counters.count_documents({}) == 5002
    assert len(await counters.find({}, {"_id": 1}).to_list(None)) == 5002, "more than one batch"
    assert await count_in_transaction(client, counters) == 1
    assert await counted(counters) == 2
    assert proxy.injected.total() == 0
    assert proxy.seen["commitTransaction"] == 1


async def test_a_change_stream_passes(counters: Collection) -> None:
    async with await counters.watch(max_await_time_ms=500) as changes, asyncio.timeout(20):
        writing = asyncio.create_task(count_up(counters))
        assert (await anext(changes))["documentKey"] == {"_id": "a"}
        await writing


async def test_a_command_is_told_with_what_it_is_about(
    counters: Collection, client: Client, proxy: WireProxy
) -> None:
    asked: list[Command] = []
    proxy.rules.append(lambda command: asked.append(command))
    await count_in_transaction(client, counters)
    first, second, commit = asked
    assert (first.name, first.collection, first.body["$db"]) == (
        "update",
        "counters",
        counters.database.name,
    )
    assert [dict(update["q"]) for update in first.documents] == [{"_id": "a"}]
    assert [command.starts_transaction for command in asked] == [True, False, False]
    assert all(command.in_transaction for command in asked)
    assert first.transaction_number == second.transaction_number == commit.transaction_number
    assert commit.is_commit


@pytest.mark.parametrize(
    ("fault", "after"),
    [
        (WRITE_CONFLICT, 0),
        (WRITE_CONFLICT, 1),
        (NO_SUCH_TRANSACTION, 0),
        (NOT_WRITABLE_PRIMARY, 0),
        (NOT_WRITABLE_PRIMARY, 1),
    ],
    ids=lambda value: getattr(value, "name", f"after-{value}"),
)
async def test_a_transaction_that_conflicts_is_run_again_and_counts_once(
    fault: Fault, after: int, client: Client, counters: Collection, proxy: WireProxy
) -> None:
    passed = iter([False] * after)
    proxy.inject(fault, lambda command: is_update(command) and next(passed, True))
    assert await count_in_transaction(client, counters) == 2
    assert await counted(counters) == 2
    assert proxy.injected == {fault.name: 1}


async def test_an_injected_conflict_leaves_no_lock_at_the_server(
    client: Client, counters: Collection, proxy: WireProxy
) -> None:
    async with client.start_session() as session:
        await session.start_transaction()
        await count_up(counters, session)
        proxy.inject(WRITE_CONFLICT)
        with pytest.raises(OperationFailure) as failure:
            await count_up(counters, session)
        assert failure.value.has_error_label("TransientTransactionError")
        await count_up(counters)  # waits for the transaction's locks
        assert await counted(counters) == 1
        await session.abort_transaction()


async def test_a_transaction_that_was_lost_before_its_commit_is_run_again(
    client: Client, counters: Collection, proxy: WireProxy
) -> None:
    proxy.inject(NO_SUCH_TRANSACTION, lambda command: command.is_commit)
    assert await count_in_transaction(client, counters) == 2
    assert await counted(counters) == 2


async def test_a_commit_that_was_refused_by_a_former_primary_is_run_again(
    client: Client, counters: Collection, proxy: WireProxy
) -> None:
    """The new primary knows nothing of the transaction, which the second commit learns."""
    proxy.inject(NOT_WRITABLE_PRIMARY, lambda command: command.is_commit)
    assert await count_in_transaction(client, counters) == 2
    assert await counted(counters) == 2
    assert proxy.seen["commitTransaction"] == 3


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(
    "fault",
    [HOST_UNREACHABLE_AFTER, SHUTDOWN_AFTER, WRITE_CONCERN_TIMEOUT_AFTER, ANSWER_LOST],
    ids=lambda fault: fault.name,
)
async def test_a_commit_whose_answer_was_lost_is_sent_again_and_counts_once(
    fault: Fault, times: int, client: Client, counters: Collection, proxy: WireProxy
) -> None:
    proxy.inject(fault, lambda command: command.is_commit, times=times)
    assert await count_in_transaction(client, counters) == 1
    assert await counted(counters) == 2
    assert proxy.seen["commitTransaction"] == 1 + times


async def test_a_committed_transaction_is_never_said_to_be_lost(
    client: Client, counters: Collection, proxy: WireProxy
) -> None:
    """Whoever believed it would run the transaction a second time."""
    proxy.inject(ANSWER_LOST, lambda command: command.is_commit)
    proxy.inject(NO_SUCH_TRANSACTION, lambda command: command.is_commit)
    assert await count_in_transaction(client, counters) == 1
    assert await counted(counters) == 2
    assert proxy.injected == {"AnswerLost": 1}


async def test_an_unknown_commit_is_told_with_its_label(
    client: Client, counters: Collection, proxy: WireProxy
) -> None:
    proxy.inject(WRITE_CONCERN_TIMEOUT_AFTER)
    async with client.start_session() as session:
        await session.start_transaction()
        await count_up(counters, session)
        with pytest.raises(OperationFailure) as failure:
            await session.commit_transaction()
        assert failure.value.has_error_label("UnknownTransactionCommitResult")
    assert await counted(counters) == 1


@pytest.mark.parametrize(
    "fault",
    [NOT_WRITABLE_PRIMARY, HOST_UNREACHABLE_AFTER, SHUTDOWN_AFTER, CONNECTION_DROPPED, ANSWER_LOST],
    ids=lambda fault: fault.name,
)
async def test_a_write_is_sent_again_by_the_driver_and_counts_once(
    fault: Fault, counters: Collection, proxy: WireProxy
) -> None:
    proxy.inject(fault, is_update)
    await count_up(counters)
    assert await counted(counters) == 1
    assert proxy.injected == {fault.name: 1}
    assert proxy.seen["update"] == 2


class States(ServerListener):
    """What the driver took its server for, in order."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def opened(self, event: ServerOpeningEvent) -> None: ...

    def closed(self, event: ServerClosedEvent) -> None: ...

    def description_changed(self, event: ServerDescriptionChangedEvent) -> None:
        self.seen.append(event.new_description.server_type_name)


async def test_after_not_writable_primary_the_driver_finds_its_server_at_once(
    proxy: WireProxy,
) -> None:
    """Its monitor would wait for ten seconds, were it not told."""
    states = States()
    client: Client = AsyncMongoClient(proxy.url, timeoutMS=10_000, event_listeners=[states])
    async with client, asyncio.timeout(8):
        counters = client[f"test_{uuid4().hex[:12]}"]["counters"]
        await counters.insert_one({"_id": "a", "n": 0})
        proxy.inject(NOT_WRITABLE_PRIMARY, is_update, times=20)
        for _ in range(20):
            await count_up(counters)
        assert await counted(counters) == 20
    lost = ["RSPrimary", "Unknown", "RSPrimary"]
    assert lost in [states.seen[at : at + 3] for at in range(len(states.seen))]


async def test_a_conflict_outside_of_a_transaction_never_leaves_the_server(
    counters: Collection, proxy: WireProxy
) -> None:
    script = proxy.inject(WRITE_CONFLICT)
    await count_up(counters)
    assert script.left == 1


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [(UNAUTHORIZED, OperationFailure, 13), (TOO_LARGE, WriteError, 10334)],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_a_permanent_error_comes_out_as_it_is(
    fault: Fault,
    kind: type[OperationFailure],
    code: int,
    client: Client,
    counters: Collection,
    proxy: WireProxy,
) -> None:
    proxy.inject(fault, times=2)
    for attempt in (count_up(counters), count_in_transaction(client, counters)):
        with pytest.raises(kind) as failure:
            await attempt
        assert failure.value.code == code
        assert not failure.value.has_error_label("TransientTransactionError")
    assert await counted(counters) == 0


async def test_a_dropped_connection_ends_a_statement_of_a_transaction(
    client: Client, counters: Collection, proxy: WireProxy
) -> None:
    proxy.inject(CONNECTION_DROPPED, is_update)
    async with client.start_session() as session:
        await session.start_transaction()
        with pytest.raises(AutoReconnect) as failure:
            await count_up(counters, session)
        assert failure.value.has_error_label("TransientTransactionError")
        await session.abort_transaction()
    assert await counted(counters) == 0


async def test_a_held_command_waits_while_others_pass(
    counters: Collection, proxy: WireProxy
) -> None:
    hold = proxy.hold(is_update)
    late = asyncio.create_task(counters.update_one({"_id": "a"}, {"$set": {"n": 7}}))
    await hold.reached()
    await count_up(counters)
    assert await counted(counters) == 1
    hold.release()
    await late
    assert await counted(counters) == 7


async def test_faults_at_random_are_the_same_for_the_same_seed(addresses: Addresses) -> None:
    async def injected(seed: int) -> list[str]:
        found: list[str] = []
        with wire_proxy(retrying(addresses["MONGODB_URL"])) as proxy:
            async with client_of(proxy) as client:
                counters: Collection = client[f"test_{uuid4().hex[:12]}"]["counters"]
                await counters.insert_one({"_id": "a", "n": 0})
                kinds = (WRITE_CONFLICT, NO_SUCH_TRANSACTION, NOT_WRITABLE_PRIMARY)
                proxy.inject_at_random(rate=0.3, seed=seed, kinds=kinds)
                for _ in range(20):
                    before = proxy.injected.copy()
                    await count_in_transaction(client, counters)
                    found.extend((proxy.injected - before).elements())
                assert await counted(counters) == 40
        return found

    first = await injected(1)
    assert first, "a third of at least 60 commands fails"
    assert await injected(1) == first
    assert await injected(2) != first


async def test_faults_at_random_can_be_switched_off_and_on(
    counters: Collection, proxy: WireProxy
) -> None:
    faults = proxy.inject_at_random(rate=1.0, seed=1, kinds=(UNAUTHORIZED,))
    faults.is_on = False
    await count_up(counters)
    faults.is_on = True
    with pytest.raises(PyMongoError):
        await count_up(counters)
    assert proxy.injected == {"Unauthorized": 1}
