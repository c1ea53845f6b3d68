"""The queue of work: in order of due time, counted, fenced by a token, and never forgotten."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from registry.schemas import Reason
from shared.database.client import Database
from shared.database.lifecycle import reject, settle
from shared.database.opening import open_version
from shared.database.versions import Versions
from shared.database.work import (
    claim_work,
    confirm_digests,
    finish_work,
    give_back_work,
    give_up_work,
    postpone_work,
    renew_lease,
    retry_work,
)
from shared.domain.records import VersionRecord, utc_now
from tests.integration.drafts import draft, to_be_read, verified
from tests.support.records import SHA256

LEASE = timedelta(seconds=60)
AN_HOUR = timedelta(hours=1)
OVER = timedelta(seconds=-1)
"""A lease or a pause that is over at once."""


@pytest.fixture
async def model(database: Database) -> str:
    """A model of its own in an empty queue."""
    await database.versions.driver.update_many({}, {"$set": {"work": None}})
    return f"model-{uuid4().hex}"


async def current(database: Database, record: VersionRecord) -> VersionRecord:
    found = await Versions(database).get(record.id)
    assert found is not None
    return found


async def taken(database: Database, by: str = "mine") -> VersionRecord:
    found = await claim_work(database, "verify", by, LEASE)
    assert found is not None
    return found


async def test_what_is_due_longest_comes_first_and_nothing_before_its_time(
    database: Database, model: str
) -> None:
    late, early, later = [await open_version(database, to_be_read(model)) for _ in range(3)]
    now = utc_now()
    for record, due_at in ((late, now - AN_HOUR), (early, now - 2 * AN_HOUR), (later, now + LEASE)):
        await database.versions.update_one({"_id": record.id}, {"$set": {"work.due_at": due_at}})
    assert (await taken(database)).id == early.id
    assert (await taken(database)).id == late.id
    assert await claim_work(database, "verify", "mine", LEASE) is None


async def test_each_kind_is_a_queue_of_its_own(database: Database, model: str) -> None:
    await open_version(database, to_be_read(model))
    for other in ("confirm", "clean"):
        assert await claim_work(database, other, "mine", LEASE) is None
    await taken(database)


async def test_postponed_work_comes_again_after_its_pause_and_is_counted(
    database: Database, model: str
) -> None:
    record = await open_version(database, to_be_read(model))
    await taken(database)
    assert await postpone_work(database, record.id, "mine", AN_HOUR)
    assert await claim_work(database, "verify", "another", LEASE) is None
    await database.versions.update_one(
        {"_id": record.id}, {"$set": {"work.due_at": utc_now() - AN_HOUR}}
    )
    again = await taken(database, "another")
    assert again.work is not None
    assert (again.id, again.work.attempts, again.work.token) == (record.id, 2, "another")


async def test_work_that_is_given_back_is_free_at_once_and_was_no_attempt(
    database: Database, model: str
) -> None:
    record = await open_version(database, to_be_read(model))
    await taken(database)
    assert await give_back_work(database, record.id, "mine")
    again = await taken(database, "another")
    assert again.work is not None
    assert again.work.attempts == 1


async def test_finished_work_is_in_no_queue(database: Database, model: str) -> None:
    record = await open_version(database, to_be_read(model))
    await taken(database)
    assert await finish_work(database, record.id, "mine")
    assert (await current(database, record)).work is None
    assert await claim_work(database, "verify", "another", LEASE) is None


async def test_work_that_is_given_up_leaves_its_reason_and_can_be_tried_again(
    database: Database, model: str
) -> None:
    record = await open_version(database, to_be_read(model))
    await taken(database)
    assert await give_up_work(database, record.id, "mine", "verify", "storage is broken")
    given_up = await current(database, record)
    assert given_up.failure is not None
    assert (given_up.failure.code, given_up.failure.detail) == (
        "verify_failed",
        "storage is broken",
    )
    assert (given_up.state, given_up.work) == ("verifying", None)
    assert await claim_work(database, "verify", "another", LEASE) is None

    assert await retry_work(database, given_up)
    assert not await retry_work(database, given_up), "it is in the queue already"
    again = await taken(database, "another")
    assert again.failure is None
    assert again.work is not None
    assert again.work.attempts == 1


async def test_a_ready_versions_digest_can_be_tried_again_without_an_event(
    database: Database, model: str
) -> None:
    record = await open_version(database, draft(model))
    by_parts = verified(record)
    unconfirmed = by_parts.artifact.model_copy(update={"sha256": None, "sha256_state": None})
    await settle(database, [type(by_parts)(record.id, 0, unconfirmed)])
    assert await claim_work(database, "confirm", "mine", LEASE) is not None
    assert await give_up_work(database, record.id, "mine", "confirm", "it failed")
    ready = await current(database, record)
    assert await retry_work(database, ready)
    assert (await current(database, record)).sequence == ready.sequence
    assert await claim_work(database, "confirm", "again", LEASE) is not None
    assert await confirm_digests(database, record.id, "again", {0: SHA256})
    assert (await current(database, record)).artifacts[0].sha256_state == "verified"


async def test_nothing_counts_under_the_token_of_a_lease_that_another_has(
    database: Database, model: str
) -> None:
    record = await open_version(database, to_be_read(model))
    assert await claim_work(database, "verify", "frozen", OVER) is not None
    held = await taken(database, "alive")
    assert await settle(database, [verified(record, token="frozen")]) == []
    assert not await renew_lease(database, record.id, "frozen", LEASE)
    assert not await postpone_work(database, record.id, "frozen", AN_HOUR)
    assert not await give_back_work(database, record.id, "frozen")
    assert not await give_up_work(database, record.id, "frozen", "verify", "too late")
    assert not await finish_work(database, record.id, "frozen")
    assert not await confirm_digests(database, record.id, "frozen", {0: SHA256})
    assert await current(database, record) == held


async def test_a_late_verdict_does_not_bring_back_work_that_was_given_up(
    database: Database, model: str
) -> None:
    record = await open_version(database, to_be_read(model))
    assert await claim_work(database, "verify", "frozen", OVER) is not None
    await taken(database, "alive")
    assert await give_up_work(database, record.id, "alive", "verify", "it failed")
    before = await current(database, record)
    assert await settle(database, [verified(record, token="frozen")]) == []
    assert await current(database, record) == before


async def test_a_renewed_lease_is_not_due(database: Database, model: str) -> None:
    record = await open_version(database, to_be_read(model))
    assert await claim_work(database, "verify", "mine", OVER) is not None
    assert await renew_lease(database, record.id, "mine", LEASE)
    assert await claim_work(database, "verify", "another", LEASE) is None


async def test_an_upload_that_ends_leaves_the_cleaning_to_a_worker(
    database: Database, model: str
) -> None:
    record = await open_version(database, draft(model))
    reason = Reason(code="upload_expired", detail="it is over")
    assert await reject(database, record.id, reason, session_state="expired") is not None
    found = await claim_work(database, "clean", "mine", LEASE)
    assert found is not None
    assert (found.id, found.state) == (record.id, "rejected")


async def test_workers_that_look_at_the_same_moment_each_take_another_version(
    database: Database, model: str
) -> None:
    records = [await open_version(database, to_be_read(model)) for _ in range(24)]
    claims = await asyncio.gather(
        *(claim_work(database, "verify", f"worker {n}", LEASE) for n in range(24))
    )
    taken = [claim.id for claim in claims if claim is not None]
    assert sorted(taken) == sorted(record.id for record in records)
