"""Records made anew: what is repeated or late changes nothing, and nothing is taken twice."""

from datetime import timedelta
from typing import Any

import pytest

from registry.schemas import Reason
from shared.database.alias_moves import move_alias
from shared.database.client import Database
from shared.database.handles import client_handle, key_handle, label_handle, resolve_handle
from shared.database.lifecycle import reject, settle
from shared.database.models import raise_counters
from shared.database.opening import open_version
from shared.database.recovery.handles import restore_handles
from shared.database.recovery.versions import (
    announce_version,
    known_numbers,
    restore_model,
    restore_version,
)
from shared.database.versions import Versions
from shared.domain.aliases import Mover, require_ready
from shared.domain.errors import Conflict
from shared.domain.records import DeletionRecord, VersionRecord, new_id, utc_now
from tests.integration.drafts import OWNER, draft, pending_events, verified
from tests.support.records import artifact


def lost(model: str, number: int, **fields: Any) -> VersionRecord:
    """A version as it was before the database was lost."""
    record = draft(model, **fields)
    files = [artifact(key=f"{model}/{number}/model.bin")]
    return record.model_copy(update={"number": number, "sequence": number, "artifacts": files})


async def restored(database: Database, *records: VersionRecord) -> None:
    for record in records:
        assert await restore_version(database, record, instead_of=None)


async def test_a_version_is_written_once_and_only_over_what_was_seen(
    database: Database, model: str
) -> None:
    record = lost(model, 3)
    await restored(database, record)
    assert not await restore_version(database, record, instead_of=None)
    newer = record.model_copy(update={"state": "ready", "sequence": 9})
    assert not await restore_version(database, newer, instead_of=2)
    assert await restore_version(database, newer, instead_of=3)
    found = await database.versions.find_one({"_id": record.id})
    assert found == newer.model_dump(by_alias=True)


async def test_a_version_keeps_an_alias_that_came_to_it_since_it_was_seen(
    database: Database, model: str
) -> None:
    opened = await open_version(database, draft(model))
    [seen] = await settle(database, [verified(opened)])
    await move_alias(database, model, "live", lambda _: 1, require_ready, Mover(OWNER, ""))
    newer = seen.model_copy(update={"sequence": seen.sequence + 9})
    assert await restore_version(database, newer, instead_of=seen.sequence)
    found = await Versions(database).by_alias(model, "live")
    assert found is not None
    assert found.id == opened.id


async def test_a_number_and_a_key_stay_with_their_version(database: Database, model: str) -> None:
    await restored(database, lost(model, 1))
    for write in (
        lost(model, 1),
        lost(model, 2).model_copy(update={"artifacts": [artifact(key=f"{model}/1/model.bin")]}),
    ):
        with pytest.raises(Conflict) as conflict:
            await restore_version(database, write, instead_of=None)
        assert conflict.value.code == "version_exists"
        await raise_counters(database, model, number=1, sequence=1, created_at=utc_now())
        with pytest.raises(Conflict):
            await announce_version(database, write)
    assert await known_numbers(database, model, range(1, 200)) == {1}
    counters = await database.models.find_one({"_id": model})
    assert counters is not None
    assert counters["sequence"] == 1, "a version that is refused takes no number"


async def test_counters_are_only_raised(database: Database, model: str) -> None:
    begun = utc_now()
    await raise_counters(database, model, number=7, sequence=20, created_at=begun)
    await raise_counters(database, model, number=5, sequence=30, created_at=utc_now())
    record = await open_version(database, draft(model))
    assert (record.number, record.sequence) == (8, 31)
    found = await database.models.find_one({"_id": model})
    assert found is not None
    assert (found["created_at"], found["version_count"]) == (begun, 1)


async def test_a_model_agrees_with_its_versions(database: Database, model: str) -> None:
    first = lost(model, 1, state="ready", created_at=utc_now() - timedelta(days=2))
    await raise_counters(database, model, number=3, sequence=9, created_at=utc_now())
    await restored(database, first, lost(model, 2, state="ready"), lost(model, 3))
    await restore_model(database, model)
    expected = {
        "_id": model,
        "next_number": 3,
        "sequence": 9,
        "version_count": 3,
        "latest_number": 2,
        "created_at": first.created_at,
    }
    assert await database.models.find_one({"_id": model}) == expected
    await database.versions.update_one(
        {"model": model, "number": 2}, {"$set": {"state": "missing"}}
    )
    await database.models.update_one({"_id": model}, {"$set": {"version_count": 8}})
    await restore_model(database, model)
    expected |= {"version_count": 8, "latest_number": 1}
    assert await database.models.find_one({"_id": model}) == expected


async def test_a_version_that_nobody_heard_of_is_announced_once(
    database: Database, model: str
) -> None:
    await raise_counters(database, model, number=9, sequence=4, created_at=utc_now())
    record = lost(model, 9)
    assert await announce_version(database, record)
    assert not await announce_version(database, record)
    [event] = await pending_events(database, model)
    assert (event.sequence, event.id) == (5, f"{record.id}-5")
    found = await database.versions.find_one({"_id": record.id})
    assert found is not None
    assert found["sequence"] == 5


async def test_versions_get_their_names_back(database: Database, model: str) -> None:
    client = new_id()
    old = lost(model, 1, label="1.0", key=new_id(), state="rejected", client_id=client)
    new = lost(
        model,
        2,
        label="1.0",
        key=new_id(),
        state="ready",
        client_id=client,
        created_at=old.created_at + timedelta(minutes=1),
    )
    gone = [lost(model, number, label="2.0", state="rejected") for number in (3, 4)]
    await restored(database, old, new, *gone)
    for _ in range(2):  # the second time there is nothing to do
        assert await restore_handles(database, model) == []
        assert await resolve_handle(database, label_handle(model, "1.0")) == new.id
        assert await resolve_handle(database, label_handle(model, "2.0")) == gone[1].id
        assert await resolve_handle(database, client_handle(client, OWNER, model)) == new.id
        keys = [
            key_handle((each.session and each.session.idempotency_key) or "", OWNER, model)
            for each in (old, new)
        ]
        assert [await resolve_handle(database, key) for key in keys] == [None, new.id]
    # A label that is held is taken; one that was given up is not.
    with pytest.raises(Conflict):
        await open_version(database, draft(model, label="1.0"), number=10)
    assert (await open_version(database, draft(model, label="2.0"), number=11)).label == "2.0"


async def test_a_name_of_another_version_is_told_and_left(database: Database, model: str) -> None:
    key = new_id()
    owner = await open_version(database, draft(model, label="1.0", key=key))
    await restored(database, lost(model, 5, label="1.0", key=key, state="ready"))
    conflicts = await restore_handles(database, model)
    assert sorted(each.code for each in conflicts) == ["idempotency_key_taken", "version_exists"]
    assert await resolve_handle(database, label_handle(model, "1.0")) == owner.id
    assert await resolve_handle(database, key_handle(key, OWNER, model)) == owner.id


async def test_live_names_stay_as_they_are(database: Database, model: str) -> None:
    client = new_id()
    given_up = await open_version(database, draft(model, label="1.0", key=new_id()))
    await reject(database, given_up.id, Reason(code="x", detail="x"), session_state="aborted")
    await open_version(database, draft(model, label="1.0", client_id=client, key=new_id()))
    await open_version(database, draft(model, client_id=client))
    before = [found async for found in database.handles.find().sort([("_id", 1)])]
    assert await restore_handles(database, model) == []
    assert [found async for found in database.handles.find().sort([("_id", 1)])] == before


async def test_what_a_rejected_version_gave_up_stays_free_after_it_is_deleted(
    database: Database, model: str
) -> None:
    now = utc_now()
    deletion = DeletionRecord(at=now, by="x", state_before="rejected", purge_due_at=now)
    gone = lost(model, 1, label="1.0", key="again", state="deleted", deletion=deletion)
    await restored(database, gone)
    assert await restore_handles(database, model) == []
    opened = await open_version(database, draft(model, label="1.0", key="again"), number=2)
    assert await restore_handles(database, model) == []
    assert await resolve_handle(database, label_handle(model, "1.0")) == opened.id
