"""Verdicts become states and events in one transaction, whoever brings them at the same moment."""

import asyncio
import json
from datetime import timedelta
from uuid import uuid4

import pytest

from registry.schemas import Reason, Version
from services.query.versions.feed import VersionFeed
from shared.database.client import Database
from shared.database.lifecycle import reject, settle
from shared.database.models import find_model
from shared.database.opening import open_version
from shared.database.outbox import Outbox
from shared.database.versions import Versions
from shared.database.work import claim_work
from shared.domain.records import VersionRecord
from shared.domain.transitions import Verdict
from tests.integration.drafts import draft, pending_events, sequences, to_be_read, verified

REASON = Reason(code="size_mismatch", detail="it is shorter")
LEASE = timedelta(seconds=60)


@pytest.fixture
def model() -> str:
    return f"model {uuid4().hex}"


async def current(database: Database, record: VersionRecord) -> VersionRecord:
    found = await Versions(database).get(record.id)
    assert found is not None
    return found


async def test_files_of_one_version_settled_at_once_make_it_ready_once(
    database: Database, model: str
) -> None:
    record = await open_version(database, draft(model, *"abcdefgh"))
    results = await asyncio.gather(
        *(settle(database, [verified(record, index)]) for index in range(8))
    )
    changed = [version for versions in results for version in versions]
    assert [version.state for version in changed] == ["ready"]
    found = await current(database, record)
    assert found.state == "ready"
    assert all(artifact.state == "verified" for artifact in found.artifacts)
    assert await sequences(database, model) == [1, 2]
    registered = await find_model(database, model)
    assert registered is not None
    assert registered.latest_number == 1


async def test_a_repeated_verdict_changes_and_announces_nothing(
    database: Database, model: str
) -> None:
    record = await open_version(database, draft(model))
    assert len(await settle(database, [verified(record)])) == 1
    before = await current(database, record)
    refuted = Verdict(record.id, 0, record.artifacts[0], REASON)
    for verdict in (verified(record), refuted):
        assert await settle(database, [verdict]) == []
    assert await reject(database, record.id, REASON) is None
    assert await current(database, record) == before
    assert await sequences(database, model) == [1, 2]


async def test_fields_of_a_newer_release_outlive_a_change_of_state(
    database: Database, model: str
) -> None:
    record = await open_version(database, draft(model))
    newer = {"$set": {"signature": "s", "artifacts.0.scan": {"verdict": "clean"}}}
    await database.versions.update_one({"_id": record.id}, newer)
    assert len(await settle(database, [verified(await current(database, record))])) == 1
    found = await database.versions.find_one({"_id": record.id})
    assert found is not None
    assert (found["state"], found["signature"]) == ("ready", "s")
    assert found["artifacts"][0]["scan"] == {"verdict": "clean"}


async def test_one_batch_settles_versions_of_several_models_in_their_order(
    database: Database, model: str
) -> None:
    names = [f"{model}.{n}" for n in range(3)]
    records = [await open_version(database, draft(name)) for name in names for _ in range(2)]
    verdicts = [verified(record) for record in reversed(records)]
    assert len(await settle(database, verdicts)) == 6
    for name in names:
        assert await sequences(database, name) == [1, 2, 3, 4]
        registered = await find_model(database, name)
        assert registered is not None
        assert registered.latest_number == 2


async def test_the_outbox_gives_each_models_events_in_order(database: Database, model: str) -> None:
    for _ in range(3):
        record = await open_version(database, draft(model))
        await settle(database, [verified(record)])
    pending = await pending_events(database, model)
    assert [event.sequence for event in pending] == [1, 2, 3, 4, 5, 6]
    types = [json.loads(event.body)["type"].split(".")[2] for event in pending]
    assert types == ["created", "ready"] * 3
    await Outbox(database).remove(pending[:4])
    assert await sequences(database, model) == [5, 6]


async def test_events_recorded_together_can_be_forgotten_one_by_one(
    database: Database, model: str
) -> None:
    records = [await open_version(database, draft(model)) for _ in range(3)]
    await settle(database, [verified(record) for record in records])
    assert await database.outbox.count_documents({"model": model}) == 4, "one for the batch"
    outbox = Outbox(database)
    for forgotten in range(1, 7):
        pending = await pending_events(database, model)
        assert [event.sequence for event in pending] == list(range(forgotten, 7))
        await outbox.remove(pending[:1])
    assert await database.outbox.count_documents({"model": model}) == 0


async def test_an_abort_and_a_verdict_at_once_leave_one_end(database: Database, model: str) -> None:
    records = [await open_version(database, draft(model)) for _ in range(5)]
    for record in records:
        settled, rejected = await asyncio.gather(
            settle(database, [verified(record)]),
            reject(database, record.id, REASON, session_state="aborted"),
        )
        assert (len(settled) == 1) != (rejected is not None)
        state = (await current(database, record)).state
        assert state == ("ready" if settled else "rejected")
    assert await sequences(database, model) == list(range(1, 11))


async def test_one_worker_at_a_time_holds_a_version_and_a_late_one_changes_nothing(
    database: Database, model: str
) -> None:
    record = await open_version(database, to_be_read(model))
    claims = await asyncio.gather(
        *(claim_work(database, "verify", token, LEASE) for token in ("first", "second"))
    )
    [held] = [claim for claim in claims if claim is not None]
    assert held.id == record.id
    assert held.work is not None
    late = "second" if held.work.token == "first" else "first"
    assert await settle(database, [verified(record, token=late)]) == []
    assert (await current(database, record)).state == "verifying"
    assert len(await settle(database, [verified(record, token=held.work.token)])) == 1
    assert (await current(database, record)).work is None


async def test_a_lease_that_ended_can_be_claimed_again(database: Database, model: str) -> None:
    record = await open_version(database, to_be_read(model))
    assert await claim_work(database, "verify", "dead", timedelta(seconds=-1)) is not None
    again = await claim_work(database, "verify", "alive", LEASE)
    assert again is not None
    assert again.work is not None
    assert (again.id, again.work.attempts) == (record.id, 2)
    await settle(database, [verified(record, token="alive")])


async def test_the_feed_wakes_who_waits_for_a_version(database: Database, model: str) -> None:
    waited_for = await open_version(database, draft(model))
    other = await open_version(database, draft(model))
    feed, versions = VersionFeed(database), Versions(database)

    async def look(record: VersionRecord) -> Version:
        found = await versions.find(record.id)
        assert found is not None
        return found

    async def wait_for(record: VersionRecord) -> Version:
        return await feed.settled(await look(record), lambda: look(record), 30)

    async with asyncio.TaskGroup() as group:
        following = group.create_task(feed.run())
        control = group.create_task(wait_for(other))
        waiting = group.create_task(wait_for(waited_for))
        await settle(database, [verified(waited_for)])
        assert (await waiting).state == "ready"
        assert not control.done(), "a version that did not change is waited for"
        await settle(database, [verified(other)])
        assert (await control).state == "ready"
        following.cancel()
