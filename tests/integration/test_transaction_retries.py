"""Transactions under injected errors: once each, in time, with an end that says what happened."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
)
from pymongo.errors import OperationFailure

from tests.integration.transactions import CommitUnknown, TransactionTimeout, run_transaction
from tests.support.servers import Addresses
from tests.support.wire_faults import (
    ANSWER_LOST,
    CONNECTION_DROPPED,
    HOST_UNREACHABLE_AFTER,
    NO_SUCH_TRANSACTION,
    NOT_WRITABLE_PRIMARY,
    UNAUTHORIZED,
    WRITE_CONCERN_TIMEOUT_AFTER,
    WRITE_CONFLICT,
)
from tests.support.wire_proxy import WireProxy, wire_proxy

Client = AsyncIOMotorClient[dict[str, Any]]
Collection = AsyncIOMotorCollection[dict[str, Any]]
Session = AsyncIOMotorClientSession

LONG = 20.0
SHORT = 0.5
FOR_EVER = 1_000_000
ABORT_SECONDS = 1.0


@pytest.fixture
def proxy(addresses: Addresses) -> Iterator[WireProxy]:
    with wire_proxy(addresses["MONGODB_URL"]) as opened:
        yield opened


@pytest.fixture
def client(proxy: WireProxy) -> Iterator[Client]:
    opened: Client = AsyncIOMotorClient(proxy.url, timeoutMS=10_000)
    with closing(opened):
        yield opened


@pytest.fixture
async def counters(client: Client) -> Collection:
    collection = client[f"test_{uuid4().hex[:12]}"]["counters"]
    await collection.insert_one({"_id": "a", "n": 0})
    return collection


async def count(client: Client, counters: Collection, seconds: float = LONG) -> int:
    """Count up and return the number that was given out."""

    async def work(session: Session) -> int:
        found = await counters.find_one_and_update(
            {"_id": "a"}, {"$inc": {"n": 1}}, session=session
        )
        await counters.insert_one({"_id": found["n"]}, session=session)
        return found["n"]

    return await run_transaction(client, work, seconds=seconds)


async def given_out(counters: Collection) -> list[int]:
    """The numbers that were committed, in order."""
    return sorted([found["_id"] for found in await counters.find({"n": None}).to_list()])


async def test_transactions_under_random_errors_count_once_each(
    client: Client, counters: Collection, proxy: WireProxy
) -> None:
    kinds = (
        WRITE_CONFLICT,
        NO_SUCH_TRANSACTION,
        NOT_WRITABLE_PRIMARY,
        HOST_UNREACHABLE_AFTER,
        CONNECTION_DROPPED,
        ANSWER_LOST,
    )
    faults = proxy.inject_at_random(rate=0.1, seed=1, kinds=kinds)
    numbers = await asyncio.gather(*(count(client, counters) for _ in range(60)))
    faults.is_on = False
    assert sorted(numbers) == list(range(60))
    assert await given_out(counters) == list(range(60))
    assert proxy.injected.keys() == {kind.name for kind in kinds}


async def test_a_conflict_without_end_is_given_up_at_the_deadline(
    client: Client, counters: Collection, proxy: WireProxy
) -> None:
    script = proxy.inject(WRITE_CONFLICT, times=FOR_EVER)
    begun = monotonic()
    with pytest.raises(TransactionTimeout, match=r"tries in 0\.5 s.*WriteConflict"):
        await count(client, counters, SHORT)
    assert monotonic() - begun < SHORT + ABORT_SECONDS
    assert FOR_EVER - script.left < 40, "there are pauses between the tries"
    script.left = 0
    assert await given_out(counters) == []


async def test_a_commit_that_is_never_told_ends_as_unknown(
    client: Client, counters: Collection, proxy: WireProxy
) -> None:
    script = proxy.inject(WRITE_CONCERN_TIMEOUT_AFTER, times=FOR_EVER)
    with pytest.raises(CommitUnknown):
        await count(client, counters, SHORT)
    script.left = 0
    assert await given_out(counters) == [0], "it was committed, and nobody could know"


async def test_a_permanent_error_is_not_tried_again(
    client: Client, counters: Collection, proxy: WireProxy
) -> None:
    proxy.inject(UNAUTHORIZED)
    with pytest.raises(OperationFailure):
        await count(client, counters)
    assert proxy.seen["findAndModify"] == 1
    assert await given_out(counters) == []


async def test_a_statement_that_hangs_ends_at_the_deadline_and_leaves_no_lock(
    client: Client, counters: Collection, proxy: WireProxy
) -> None:
    hold = proxy.hold(lambda command: command.name == "insert")
    begun = monotonic()
    with pytest.raises(Exception, match="timed out"):
        await count(client, counters, SHORT)
    assert monotonic() - begun < SHORT + ABORT_SECONDS
    await counters.update_one({"_id": "a"}, {"$inc": {"n": 1}})  # waits for locks, if there are
    hold.release()
    assert await given_out(counters) == []
