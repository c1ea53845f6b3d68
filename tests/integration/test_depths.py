"""What operators are told of the queues in the database: how much is due, and since when."""

from datetime import timedelta
from uuid import uuid4

import pytest

from shared.database import depths
from shared.database.client import Database
from shared.database.lifecycle import settle
from shared.database.opening import open_version
from shared.database.webhooks.deliveries import record_deliveries
from shared.database.work import claim_work
from tests.integration.drafts import draft, to_be_read, verified
from tests.integration.webhook_drafts import delivery, subscribed

LEASE = timedelta(seconds=60)


@pytest.fixture
async def model(database: Database) -> str:
    """A name of its own, and empty queues."""
    await database.versions.driver.update_many({}, {"$set": {"work": None}})
    for collection in (database.outbox, database.deliveries, database.delivery_queues):
        await collection.driver.delete_many({})
    return f"model-{uuid4().hex}"


async def test_work_is_due_until_somebody_has_it_in_hand(database: Database, model: str) -> None:
    assert await depths.depth_of_work(database, "verify") == depths.Depth(0, 0.0)
    record = await open_version(database, to_be_read(model))
    long_ago = await database.now() - timedelta(minutes=5)
    change = {"$set": {"work.due_at": long_ago}}
    await database.versions.driver.update_one({"_id": record.id}, change)
    due = await depths.depth_of_work(database, "verify")
    assert (due.count, due.seconds // 60) == (1, 5)
    assert (await depths.depth_of_work(database, "purge")).count == 0
    assert await claim_work(database, "verify", "mine", LEASE) is not None
    assert (await depths.depth_of_work(database, "verify")).count == 0


async def test_the_outbox_is_as_old_as_its_oldest_entry(database: Database, model: str) -> None:
    assert await depths.depth_of_outbox(database) == depths.Depth(0, 0.0)
    record = await open_version(database, draft(model))
    await settle(database, [verified(record)])
    long_ago = await database.now() - timedelta(minutes=2)
    await database.outbox.driver.update_many({"model": model}, {"$set": {"recorded_at": long_ago}})
    waiting = await depths.depth_of_outbox(database)
    assert (waiting.count, waiting.seconds // 60) == (2, 2)


async def test_a_queue_of_who_is_not_sent_to_is_not_late(database: Database, model: str) -> None:
    made = await subscribed(database)
    await record_deliveries(database, [delivery(made.id, model, 1), delivery(made.id, model, 2)])
    assert await depths.count_waiting_deliveries(database) == 2
    assert (await depths.depth_of_delivery_queues(database, without=[])).count == 1
    assert (await depths.depth_of_delivery_queues(database, without=[made.id])).count == 0


async def test_counting_ends_at_its_bound(
    database: Database, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depths, "MOST_COUNTED", 2)
    for _ in range(4):
        await open_version(database, draft(model))
    assert (await depths.depth_of_outbox(database)).count >= 4
    assert (await depths.depth_of_outbox(database, most=2)).count == 2
    assert await depths.count_open_uploads(database) == 2
