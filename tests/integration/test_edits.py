"""Edits by many at once, compared with a plain model that applies those that were kept.

`EDITS=5000` makes as many; each test run makes fewer.
"""

import asyncio
import json
import os
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import JsonValue

from registry.schemas import ModelEvent, Reason
from services.admin.rebuild.edits import edits_of
from shared.database.client import Database
from shared.database.edits import Place, edit_model, edit_version, find_made, list_edits
from shared.database.lifecycle import reject, settle
from shared.database.models import each_model, find_model, page_of_models
from shared.database.opening import open_version
from shared.database.recovery.edits import make_edits_again, restore_edits
from shared.database.versions import Versions
from shared.domain.access.decision import NameFilter
from shared.domain.edits import (
    EditRecord,
    WantedEdit,
    apply_entries,
    changed_entries,
    is_same,
    merge_patch,
)
from shared.domain.errors import Conflict, IdempotencyKeyReused, NotFound, PreconditionFailed
from shared.domain.records import new_id
from tests.integration.drafts import draft, verified
from tests.support.wire_faults import (
    ANSWER_LOST,
    CONNECTION_DROPPED,
    HOST_UNREACHABLE_AFTER,
    NO_SUCH_TRANSACTION,
    WRITE_CONFLICT,
)
from tests.support.wire_proxy import WireProxy

EDITS = int(os.environ.get("EDITS", "400"))
EDITORS = 8
SEED = 7
NAMES = ("auc", "f1", "loss")
EMPTY: dict[str, JsonValue] = {
    "description": "",
    "framework": "",
    "metrics": {},
    "parameters": {"seed": None, "kept": [None, {"a": 1}]},
    "tags": {},
    "properties": {},
}
OF_MODEL = ("description", "tags")


@pytest.fixture
async def model(database: Database) -> str:
    name = f"model-{new_id()[:12]}"
    for _ in range(2):
        parameters = json.loads(json.dumps(EMPTY["parameters"]))
        await open_version(database, draft(name, parameters=parameters))
    return name


async def edit(database: Database, place: Place, wanted: WantedEdit) -> int:
    """Edit a version or a model as ingest does; returns the revision that it is at then."""
    if place.number is None:
        return (await edit_model(database, place.model, wanted)).revision
    return (await edit_version(database, place.model, place.number, wanted)).revision


def wanted(patch: dict[str, Any], **fields: Any) -> WantedEdit:
    return WantedEdit(patch=patch, by="somebody", **fields)


async def history(database: Database, place: Place) -> list[EditRecord]:
    """Every edit, the oldest first."""
    found: list[EditRecord] = []
    before = None
    is_more = True
    while is_more:
        page, is_more = await list_edits(
            database, place, before=before, limit=50, max_bytes=100_000
        )
        found += page
        before = page[-1].revision if page else None
    return found[::-1]


async def said(database: Database, place: Place) -> dict[str, JsonValue]:
    """What is said of a version or of a model now."""
    if place.number is None:
        found = await find_model(database, place.model)
        assert found is not None
        return found.model_dump(include=set(OF_MODEL))
    version = await Versions(database).by_number(place.model, place.number)
    assert version is not None
    return version.model_dump(include=set(EMPTY))


def random_patch(chance: random.Random, place: Place) -> dict[str, Any]:
    """One that sets, removes and merges, and sometimes changes nothing."""

    def entries(*choices: Any) -> dict[str, Any]:
        return {name: chance.choice([None, *choices]) for name in NAMES if chance.random() < 0.5}

    patch: dict[str, Any] = {"tags": entries("a", "b")}
    if chance.random() < 0.3:
        patch["description"] = chance.choice([None, "one", "two"])
    if place.number is not None:
        patch["metrics"] = entries(0.0, 1.0, 2.5)
        patch["parameters"] = entries(1, True, 1.0, [1, {"b": None}], {"x": 1}, {"y": {"z": True}})
        if chance.random() < 0.1:
            patch["properties"] = chance.choice([None, {"seed": {"deep": "x"}}])
            patch["parameters"]["seed"] = chance.choice([None, 3])
    return patch


@dataclass
class Tally:
    """What editors asked for, by the reason that they gave, and what became of it."""

    asked: dict[str, WantedEdit] = field(default_factory=dict[str, WantedEdit])
    refused: set[str] = field(default_factory=set[str])


async def edit_at_random(database: Database, places: list[Place], count: int) -> Tally:
    """Have several editors edit at once, some of them where they believe it to be."""
    tally, left = Tally(), iter(range(count))

    async def editor(chance: random.Random) -> None:
        for n in left:
            place = chance.choice(places)
            revision = None
            if chance.random() < 0.4:
                page, _ = await list_edits(database, place, before=None, limit=1, max_bytes=1)
                revision = page[0].revision if page else 1
            reason = str(n)
            patch = random_patch(chance, place)
            asked = wanted(patch, reason=reason, if_revision=revision, key=new_id(), request="r")
            tally.asked[reason] = asked
            try:
                await edit(database, place, asked)
            except PreconditionFailed:
                tally.refused.add(reason)

    await asyncio.gather(*(editor(random.Random(SEED + n)) for n in range(EDITORS)))  # noqa: S311
    return tally


async def compare(database: Database, place: Place, tally: Tally) -> set[str]:
    """Hold what is said, and its history, against a plain model; returns the reasons it kept."""
    kept = await history(database, place)
    assert [each.revision for each in kept] == list(range(2, len(kept) + 2)), "contiguous"
    plain: dict[str, JsonValue] = {
        name: value for name, value in EMPTY.items() if place.number is not None or name in OF_MODEL
    }
    for each in kept:
        asked = tally.asked[each.reason]
        assert asked.if_revision in (None, each.revision - 1), "it was where its editor said"
        merged = merge_patch(plain, dict(asked.patch))
        assert isinstance(merged, dict)
        # A field that was removed is there, and empty.
        now = {name: merged.get(name) or type(EMPTY[name])() for name in plain}
        assert (each.before, each.after) == changed_entries(plain, now)
        assert is_same(apply_entries(now, each.after, each.before), plain), "it leads back"
        plain = now
    assert is_same(await said(database, place), plain)
    return {each.reason for each in kept}


async def events_of(database: Database, model: str) -> list[ModelEvent]:
    """Every event of the model, in order: none of them has been published."""
    entries = database.outbox.find({"model": model}).sort([("sequence", 1)])
    return [
        ModelEvent.model_validate_json(event["body"])
        async for entry in entries
        for event in entry["events"]
    ]


async def compare_events(database: Database, model: str, places: list[Place]) -> None:
    """Each edit is told once, under its own number of the model's sequence, which has no gap."""
    events = await events_of(database, model)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    kept = [each for place in places for each in await history(database, place)]
    told = {each.sequence: each for each in edits_of(events)}
    assert told == {
        each.sequence: each.model_copy(update={"key": None, "request": None}) for each in kept
    }
    found = await find_model(database, model)
    assert found is not None
    assert found.sequence == len(events)


async def test_edits_by_many_at_once_are_those_that_were_kept_in_their_order(
    database: Database, model: str
) -> None:
    places = [Place(model), Place(model, 1), Place(model, 2)]
    tally = await edit_at_random(database, places, EDITS)
    kept = [await compare(database, place, tally) for place in places]
    assert sum(map(len, kept)) > EDITS / 2
    assert not tally.refused & set().union(*kept)
    assert tally.refused, "there were races"
    await compare_events(database, model, places)


async def test_edits_under_injected_errors_count_once_each(
    faulty: Database, database: Database, proxy: WireProxy, model: str
) -> None:
    kinds = (
        *(WRITE_CONFLICT, NO_SUCH_TRANSACTION, HOST_UNREACHABLE_AFTER),
        *(CONNECTION_DROPPED, ANSWER_LOST),
    )
    places = [Place(model), Place(model, 1)]
    faults = proxy.inject_at_random(rate=0.1, seed=1, kinds=kinds)
    tally = await edit_at_random(faulty, places, 60)
    faults.is_on = False
    assert proxy.injected.total() > len(kinds)
    for place in places:
        await compare(database, place, tally)
    await compare_events(database, model, places)


@pytest.mark.parametrize("collection", ["models", "versions", "edits", "outbox"])
async def test_a_conflict_at_any_write_makes_the_edit_again_on_what_is_there_then(
    faulty: Database, database: Database, proxy: WireProxy, model: str, collection: str
) -> None:
    script = proxy.inject(
        WRITE_CONFLICT, lambda command: command.is_write and command.collection == collection
    )
    revision = await edit(faulty, Place(model, 1), wanted({"metrics": {"auc": 0.5}}))
    assert (script.left, revision) == (0, 2)
    assert len(await history(database, Place(model, 1))) == 1
    await compare_events(database, model, [Place(model, 1)])


async def test_metrics_that_jobs_add_at_the_same_moment_are_all_there(
    database: Database, model: str
) -> None:
    place = Place(model, 1)
    patches = [{"metrics": {f"metric-{n}": float(n)}} for n in range(30)]
    await asyncio.gather(*(edit(database, place, wanted(patch)) for patch in patches))
    found = await said(database, place)
    assert found["metrics"] == {f"metric-{n}": float(n) for n in range(30)}


async def test_a_version_that_is_settled_meanwhile_is_ready_and_edited(
    database: Database, model: str
) -> None:
    opened = await open_version(database, draft(model))
    place = Place(model, opened.number)
    await asyncio.gather(
        *(edit(database, place, wanted({"tags": {f"t{n}": "x"}})) for n in range(5)),
        settle(database, [verified(opened)]),
        *(edit(database, place, wanted({"metrics": {f"m{n}": 1.0}})) for n in range(5)),
    )
    version = await Versions(database).by_number(model, opened.number)
    assert version is not None
    assert (version.state, len(version.tags), len(version.metrics)) == ("ready", 5, 5)
    assert version.revision == 11
    events = [event for event in await events_of(database, model) if event.data.number == 3]
    assert version.sequence == events[-1].sequence
    assert {event.data.state for event in events} == {"pending", "ready"}


async def test_what_changes_nothing_is_neither_kept_nor_told(
    database: Database, model: str
) -> None:
    for place in (Place(model), Place(model, 1)):
        assert await edit(database, place, wanted({"tags": {"a": "b"}})) == 2
        told = len(await events_of(database, model))
        assert await edit(database, place, wanted({"tags": {"a": "b", "gone": None}})) == 2
        assert len(await history(database, place)) == 1
        assert len(await events_of(database, model)) == told


async def test_true_in_place_of_one_is_a_change_that_is_written(
    database: Database, model: str
) -> None:
    place = Place(model, 1)
    await edit(database, place, wanted({"parameters": {"flag": 1}}))
    assert await edit(database, place, wanted({"parameters": {"flag": True}})) == 3
    found = await database.versions.find_one({"model": model, "number": 1})
    assert found is not None
    assert found["parameters"]["flag"] is True


@pytest.mark.parametrize("number", [1, None])
async def test_a_key_makes_one_edit_and_is_for_that_one_alone(
    database: Database, model: str, number: int | None
) -> None:
    place, key = Place(model, number), new_id()
    first = wanted({"tags": {"a": "1"}}, key=key, request="first")
    await asyncio.gather(*(edit(database, place, first) for _ in range(4)))
    assert len(await history(database, place)) == 1
    await edit(database, place, wanted({"tags": {"a": "2"}}))
    assert await edit(database, place, first) == 3, "as it is now"
    assert (await said(database, place))["tags"] == {"a": "2"}
    assert await find_made(database, first) == (await history(database, place))[0]
    with pytest.raises(IdempotencyKeyReused):
        await edit(database, place, wanted({"tags": {}}, key=key, request="second"))


@pytest.mark.parametrize("number", [1, None])
async def test_a_key_of_an_edit_that_found_all_done_does_not_undo_a_later_one(
    database: Database, model: str, number: int | None
) -> None:
    place, key = Place(model, number), new_id()
    await edit(database, place, wanted({"tags": {"a": "1"}}))
    nothing = wanted({"tags": {"a": "1"}}, key=key, request="first")
    await asyncio.gather(*(edit(database, place, nothing) for _ in range(4)))
    await edit(database, place, wanted({"tags": {"a": "2"}}))
    assert await edit(database, place, nothing) == 3
    assert (await said(database, place))["tags"] == {"a": "2"}
    with pytest.raises(IdempotencyKeyReused):
        await edit(database, place, wanted({"tags": {}}, key=key, request="second"))


async def test_what_is_not_there_and_what_was_rejected_is_not_edited(
    database: Database, model: str
) -> None:
    with pytest.raises(NotFound, match="no version 9"):
        await edit(database, Place(model, 9), wanted({"description": "x"}))
    with pytest.raises(NotFound, match="no model"):
        await edit(database, Place("unheard-of"), wanted({"description": "x"}))
    opened = await open_version(database, draft(model))
    reason = Reason(code="size_mismatch", detail="it is too long")
    assert await reject(database, opened.id, reason) is not None
    with pytest.raises(Conflict, match="is rejected"):
        await edit(database, Place(model, opened.number), wanted({"description": "x"}))


async def test_a_version_of_an_earlier_release_is_at_revision_1(
    database: Database, model: str
) -> None:
    unset = {"$unset": {"revision": ""}}
    await database.versions.driver.update_one({"model": model, "number": 1}, unset)
    place = Place(model, 1)
    assert await edit(database, place, wanted({"tags": {"a": "b"}}, if_revision=1)) == 2


async def test_a_page_of_edits_is_bounded_in_bytes(database: Database, model: str) -> None:
    place = Place(model, 1)
    for text in "abc":
        await edit(database, place, wanted({"description": text * 10_000}))
    page, is_more = await list_edits(database, place, before=None, limit=50, max_bytes=1000)
    assert ([each.revision for each in page], is_more) == ([4], True)
    assert [each.revision for each in await history(database, place)] == [2, 3, 4]


async def test_a_page_of_models_is_bounded_in_bytes(database: Database) -> None:
    names = [f"page-{new_id()[:12]}" for _ in range(3)]
    for name in names:
        await open_version(database, draft(name))
        await edit(database, Place(name), wanted({"description": "x" * 10_000}))
    those = NameFilter(names=frozenset(names))
    page, is_more = await page_of_models(database, those, after=None, limit=9, max_bytes=15_000)
    assert ([each.name for each in page], is_more) == (sorted(names)[:2], True)
    rest, is_more = await page_of_models(
        database, those, after=page[-1].name, limit=9, max_bytes=15_000
    )
    assert ([each.name for each in rest], is_more) == (sorted(names)[2:], False)
    exact, is_more = await page_of_models(database, those, after=None, limit=3, max_bytes=10**6)
    assert (len(exact), is_more) == (3, False)
    walked = [each async for each in each_model(database, after=None, page=2)]
    assert {each.description for each in walked} == {""}, "who walks over all needs no words"


async def test_what_the_events_tell_brings_edits_and_their_history_back(
    database: Database, model: str
) -> None:
    places = [Place(model), Place(model, 1), Place(model, 2)]
    before_edits = {place: await said(database, place) for place in places}
    await edit_at_random(database, places, 40)
    events = await events_of(database, model)
    expected = {
        place: (await said(database, place), await history(database, place)) for place in places
    }
    sequences = [each["sequence"] async for each in versions_of(database, model)]
    newer = expected[places[1]][1][-1]
    # 1. As an old backup has it: what is there stays, the rest is made again.
    await database.edits.driver.delete_many({"model": model})
    for place in places:
        await restart(database, place, before_edits[place])
    assert await restore_edits(database, edits_of(events)) == sum(
        len(edits) for _, edits in expected.values()
    )
    for place in places:
        assert await make_edits_again(database, place)
        told, edits = expected[place]
        assert is_same(await said(database, place), told)
        unkeyed = [each.model_copy(update={"key": None, "request": None}) for each in edits]
        assert await history(database, place) == unkeyed
    assert [each["sequence"] async for each in versions_of(database, model)] == sequences
    # 2. Again, there is nothing to do, and what is newer stays.
    assert await restore_edits(database, edits_of(events)) == 0
    revision = await edit(database, places[1], wanted({"description": "newest"}))
    assert revision == newer.revision + 1
    for place in places:
        assert not await make_edits_again(database, place)
    assert (await said(database, places[1]))["description"] == "newest"


def versions_of(database: Database, model: str) -> Any:
    return aiter(database.versions.find({"model": model}).sort([("number", 1)]))


async def restart(database: Database, place: Place, fields: dict[str, JsonValue]) -> None:
    """Let a version or a model be as it was before its first edit."""
    if place.number is None:
        unset = {"$unset": dict.fromkeys((*OF_MODEL, "revision"), "")}
        await database.models.driver.update_one({"_id": place.model}, unset)
        return
    query = {"model": place.model, "number": place.number}
    old = {"$set": {**fields, "revision": 1, "sequence": place.number}}
    await database.versions.driver.update_one(query, old)
