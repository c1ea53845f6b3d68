"""A ready version that lost an object: told, not the latest, and ready again once it is back."""

import json
from uuid import uuid4

from registry.schemas import Reason
from shared.database.client import Database
from shared.database.lifecycle import mark_missing, mark_present, settle
from shared.database.models import find_model
from shared.database.opening import open_version
from shared.domain.records import VersionRecord
from tests.integration.drafts import draft, pending_events, sequences, verified

LOST = [Reason(code="object_missing", detail="it is gone", path="model.bin")]


async def ready(database: Database, model: str, count: int) -> list[VersionRecord]:
    records = [await open_version(database, draft(model)) for _ in range(count)]
    return await settle(database, [verified(record) for record in records])


async def latest(database: Database, model: str) -> int | None:
    found = await find_model(database, model)
    assert found is not None
    return found.latest_number


async def types(database: Database, model: str) -> list[str]:
    pending = await pending_events(database, model)
    return [json.loads(event.body)["type"].split(".")[2] for event in pending]


async def test_it_is_announced_with_its_reasons_in_the_models_order(
    database: Database, model: str
) -> None:
    [record] = await ready(database, model, 1)
    missing = await mark_missing(database, record.id, LOST)
    assert missing is not None
    assert (missing.state, missing.reasons, missing.sequence) == ("missing", LOST, 3)
    event = json.loads((await pending_events(database, model))[-1].body)
    assert event["type"] == "registry.version.missing.v1"
    assert event["data"]["state"] == "missing"
    assert event["data"]["reasons"][0]["code"] == "object_missing"

    again = await mark_present(database, record.id)
    assert again is not None
    assert (again.state, again.reasons, again.ready_at) == ("ready", [], record.ready_at)
    assert await types(database, model) == ["created", "ready", "missing", "ready"]
    assert await sequences(database, model) == [1, 2, 3, 4]


async def test_latest_moves_to_the_next_lower_ready_version_and_back(
    database: Database, model: str
) -> None:
    first, second, third = await ready(database, model, 3)
    await open_version(database, draft(model))  # a pending one is never the latest
    await mark_missing(database, second.id, LOST)
    assert await latest(database, model) == 3
    await mark_missing(database, third.id, LOST)
    assert await latest(database, model) == 1
    await mark_missing(database, first.id, LOST)
    assert await latest(database, model) is None
    await mark_present(database, second.id)
    assert await latest(database, model) == 2
    await mark_present(database, first.id)
    assert await latest(database, model) == 2


async def test_repeats_change_and_announce_nothing(database: Database, model: str) -> None:
    [record] = await ready(database, model, 1)
    assert await mark_present(database, record.id) is None, "nothing is missing"
    assert await mark_missing(database, record.id, LOST) is not None
    assert await mark_missing(database, record.id, LOST) is None
    assert await mark_present(database, record.id) is not None
    assert await mark_present(database, record.id) is None
    assert await sequences(database, model) == [1, 2, 3, 4]


async def test_only_a_ready_version_can_become_missing(database: Database, model: str) -> None:
    record = await open_version(database, draft(model))
    assert await mark_missing(database, record.id, LOST) is None
    assert await mark_missing(database, uuid4().hex, LOST) is None
    assert await sequences(database, model) == [1]


async def test_the_digest_that_it_lacks_is_read_once_it_is_back(
    database: Database, model: str
) -> None:
    record = await open_version(database, draft(model))
    good = verified(record)
    by_parts = good.artifact.model_copy(update={"sha256": None, "sha256_state": None})
    await settle(database, [type(good)(record.id, 0, by_parts)])
    missing = await mark_missing(database, record.id, LOST)
    assert missing is not None
    assert missing.work is None, "there is nothing to read"
    again = await mark_present(database, record.id)
    assert again is not None
    assert again.work is not None
    assert again.work.kind == "confirm"
    await database.versions.update_one({"_id": record.id}, {"$set": {"work": None}})
