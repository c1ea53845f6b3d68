"""A database that was lost is made anew from the event topic, the manifests and the bucket."""

import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from registry.schemas import ModelEvent, Version
from shared.database.client import Database
from tests.support.access import carrying
from tests.support.admin import admin, told
from tests.support.api import MIB, Api, file_of, parts_of, sha256_of
from tests.support.eventually import eventually
from tests.support.lost_database import another_topic, opened, serving
from tests.support.system import System
from tests.support.topics import Record, read_until

PART_BYTES = 5 * MIB
METADATA: dict[str, Any] = {
    "description": "what it is for",
    "framework": "none",
    "metrics": {"auc": 0.91},
    "parameters": {"depth": 3, "kinds": ["a", None]},
    "tags": {"team": "risk"},
    "properties": {"nested": {"deep": True}},
}
EDITS: list[tuple[str, dict[str, Any]]] = [
    ("/versions/1", {"tags": {"stage": "live", "team": None}, "metrics": {"f1": 0.5}}),
    ("/versions/1", {"parameters": {"kinds": [None, {"a": True}]}, "properties": {"nested": None}}),
    ("/versions/5", {"description": "found", "framework": "none"}),
    ("/versions/6", {"tags": {"a": "b"}}),
    ("", {"description": "what the model is for", "tags": {"owner": "risk"}}),
    ("", {"tags": {"owner": None, "owner2": "ops"}}),
]
COLLECTIONS = (
    *("models", "versions", "handles", "outbox", "storage_groups"),
    *("strays", "found_folders", "reports", "aliases", "alias_history", "edits"),
    *("alias_proposals", "rules", "edges"),
)


@dataclass(frozen=True)
class Kept:
    """What users had put into the registry before its database was lost."""

    model: str
    one: bytes
    """Of version 1, which has a label, an id and metadata."""
    large: bytes
    """Of version 2, sent in parts beside a small file."""
    found: bytes
    """Of version 5, which a plain S3 client wrote."""
    group: str
    """Bucket of version 1; the others are in the default one."""


@pytest.fixture
async def kept(api: Api, system: System, model: str) -> AsyncGenerator[Kept]:
    """One model with a version of each kind; every event of it is in the topic."""
    group = f"test-{uuid4().hex[:12]}-group"
    kept = Kept(model, os.urandom(1000), os.urandom(PART_BYTES + 1000), os.urandom(2000), group)
    names = {"version": "1.0", "client_id": f"id of {model}", "storage_group": group}
    labelled = await api.open(model, file_of("m.bin", kept.one), **names, **METADATA)
    await api.put(labelled.files[0], kept.one)
    await api.ready(labelled)

    large, small = file_of("big/m.bin", kept.large, digest=False), file_of("c.json", b"{}")
    parts = await api.open(model, large, small)
    plans = {plan.path: plan for plan in parts.files}
    await api.put(plans["c.json"], b"{}")
    await api.put_parts(parts, "big/m.bin", parts_of(kept.large, PART_BYTES))
    await api.complete(parts, sha256={"big/m.bin": sha256_of(kept.large)})
    await api.ready(parts)

    bad = await api.open(model, file_of("m.safetensors", b"no such thing"), version="bad")
    await api.put(bad.files[0], b"no such thing")
    await api.version(model, 3, wait=30)
    aborted = await api.open(model, file_of("m.bin", b"given up"))
    await api.ingest.delete(f"/v1/uploads/{aborted.upload_id}")

    bucket = system.settings.minio_bucket
    system.s3.put_object(Bucket=bucket, Key=f"{model}/5/found.bin", Body=kept.found)
    await eventually(lambda: _has(system, {"model": model, "number": 5}))
    assert (await api.version(model, 5, wait=30)).state == "ready"
    await api.open(model, file_of("m.bin", b"still to come"))
    for alias, version in (*(("production", each) for each in ("1.0", 2, 5)), ("staging", 1)):
        body = {"version": version, "reason": f"to {version}"}
        answer = await api.ingest.put(f"/v1/models/{model}/aliases/{alias}", json=body)
        assert answer.status_code == 200, answer.text
    assert (await api.ingest.delete(f"/v1/models/{model}/aliases/staging")).status_code == 204
    await _edit(api, model)
    await _rules_and_proposals(api, model)
    for version, body in (
        (2, {"parents": [f"{model}@1", f"{model}@5"], "datasets": ["s3://data/churn"]}),
        (6, {"parents": [{"model": model, "version": 2, "relation": "quantised"}]}),
    ):
        answer = await api.ingest.post(f"/v1/models/{model}/versions/{version}/lineage", json=body)
        assert answer.status_code == 200, answer.text
    [_, link, _] = (
        await api.ingest.post(f"/v1/models/{model}/versions/2/lineage", json={})
    ).json()["links"]
    path = f"/v1/models/{model}/versions/2/lineage/{link['id']}"
    assert (await api.ingest.delete(path)).status_code == 200
    await eventually(lambda: _is_confirmed(system, model))
    await eventually(lambda: _is_published(system, model))
    await eventually(lambda: _is_published(system, "*"))
    yield kept
    # Those of all models would be the other tests', too.
    await api.ingest.delete("/v1/namespaces/*/rules")


async def _edit(api: Api, model: str) -> None:
    """Edit versions of three kinds, one of them twice, and the model itself."""
    for path, patch in EDITS:
        answer = await api.ingest.patch(
            f"/v1/models/{model}{path}", json=patch, params={"reason": "checked"}
        )
        assert answer.status_code == 200, answer.text


async def _rules_and_proposals(api: Api, model: str) -> None:
    """Rules of the model and of all, which say nothing to others; proposed moves of each end."""
    rules = {"retention": {"keep_last_ready": 1000, "keep_with_tags": [model]}}
    for path in (f"models/{model}", "namespaces/*"):
        answer = await api.ingest.put(f"/v1/{path}/rules", json=rules)
        assert answer.status_code == 200, answer.text
    path = f"/v1/models/{model}/aliases/canary/proposals"
    ids: list[str] = []
    for version in (1, 2, 5):
        answer = await api.ingest.post(path, json={"version": version})
        assert answer.status_code == 201, answer.text
        ids.append(answer.json()["id"])
    assert (await api.ingest.delete(f"{path}/{ids[1]}")).status_code == 204
    other = carrying(await api.token(f"writer:{model}"))
    answer = await api.ingest.post(f"{path}/{ids[0]}/approve", headers=other)
    assert answer.status_code == 200, answer.text


async def _has(system: System, query: dict[str, Any]) -> bool | None:
    return True if await system.database.versions.find_one(query) else None


async def _is_confirmed(system: System, model: str) -> bool | None:
    work = await system.database.versions.find_one({"model": model, "work": {"$ne": None}})
    return True if work is None else None


async def _is_published(system: System, model: str) -> bool | None:
    return True if await system.database.outbox.find_one({"model": model}) is None else None


async def contents(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Everything in the database but times at which a comparison last looked."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name in COLLECTIONS:
        every = getattr(database, name).find({"_id": {"$ne": "reconcile"}}).sort([("_id", 1)])
        found[name] = [
            {field: value for field, value in each.items() if field != "last_seen_at"}
            async for each in every
        ]
    return found


async def handles_of(database: Database, model: str) -> list[dict[str, Any]]:
    """The names that versions of the model have."""
    ids = [found["_id"] async for found in database.versions.find({"model": model}, {"_id": 1})]
    query = database.handles.find({"version_id": {"$in": ids}}).sort([("_id", 1)])
    return [found async for found in query]


def without_ready_at(version: Version) -> Version:
    """The rest of a version: an event tells when it was recorded, a moment after."""
    return version.model_copy(update={"ready_at": None})


async def test_a_wiped_database_is_rebuilt(
    api: Api, system: System, wiped: dict[str, str], kept: Kept, tmp_path: Path
) -> None:
    report = await told(wiped, "replay", "--from-beginning")
    assert report["rebuilt"] >= 6
    assert (report["confirmed"], report["updated"], report["opened"]) == (0, 0, 0)
    assert report["moves"] >= 5
    assert report["aliases"] >= 1
    assert report["edits"] >= len(EDITS)
    assert report["edited"] >= 4
    assert report["proposals"] >= 3
    assert report["rules"] >= 2
    assert report["edges"] >= 2
    for finding in ("gaps", "disorder", "differing", "unverified", "conflicts", "errors"):
        assert report[finding] == {"count": 0, "examples": []}, finding
    assert report["reconciled"]["missing"] == 0

    async with opened(wiped) as database:
        assert await handles_of(database, kept.model) == await handles_of(
            system.database, kept.model
        )
        counters = {"_id": kept.model}
        assert await database.models.find_one(counters) == await system.database.models.find_one(
            counters
        )
        assert await database.storage_groups.find_one({"_id": kept.group})
        again = await contents(database)
        second = await told(wiped, "replay", "--from-beginning")
        assert (second["rebuilt"], second["updated"], second["opened"]) == (0, 0, 0)
        assert (second["moves"], second["aliases"], second["edges"]) == (0, 0, 0)
        assert (second["edits"], second["edited"]) == (0, 0)
        assert (second["proposals"], second["rules"]) == (0, 0)
        assert second["confirmed"] + second["ahead"] >= 6
        assert await contents(database) == again

    # What these services announce is none of the running registry's.
    async with serving(tmp_path, {**wiped, **another_topic()}) as rebuilt:
        await eventually(lambda: _same(api, rebuilt, kept.model))
        for name in (*range(1, 7), "1.0", "bad", "latest"):
            before = await api.version(kept.model, name)
            after = await rebuilt.version(kept.model, name)
            assert without_ready_at(after) == without_ready_at(before)
            assert (after.ready_at is None) == (before.ready_at is None)
            if after.ready_at and before.ready_at:
                assert abs(after.ready_at - before.ready_at).total_seconds() < 5
        states = [(await rebuilt.version(kept.model, number)).state for number in range(1, 7)]
        assert states == ["ready", "ready", "rejected", "rejected", "ready", "pending"]
        first = await rebuilt.version(kept.model, 1)
        assert (first.tags, first.revision) == ({"stage": "live"}, 3)
        assert first.parameters == {"depth": 3, "kinds": [None, {"a": True}]}
        for path in ("", "/edits", *(f"/versions/{number}/edits" for number in range(1, 7))):
            told_before = await api.query.get(f"/v1/models/{kept.model}{path}")
            told_after = await rebuilt.query.get(f"/v1/models/{kept.model}{path}")
            assert told_after.json() == told_before.json(), path
        assert (await rebuilt.version(kept.model, "@production")).number == 5
        for path in ("", "/production", "/production/history", "/staging", "/staging/history"):
            told_before = await api.query.get(f"/v1/models/{kept.model}/aliases{path}")
            told_after = await rebuilt.query.get(f"/v1/models/{kept.model}/aliases{path}")
            assert told_after.json() == told_before.json(), path
        for path in (
            *(f"models/{kept.model}/rules", f"models/{kept.model}/rules?effective=true"),
            *("namespaces/*/rules", f"models/{kept.model}/aliases/canary/proposals"),
            f"models/{kept.model}/aliases/canary/history",
        ):
            told_before = await api.query.get(f"/v1/{path}")
            assert told_before.status_code == 200, path
            assert (await rebuilt.query.get(f"/v1/{path}")).json() == told_before.json(), path
        for direction in ("up", "down"):
            path = f"/v1/models/{kept.model}/versions/2/lineage?direction={direction}"
            told_before, told_after = await api.query.get(path), await rebuilt.query.get(path)
            assert told_after.json() == told_before.json(), direction
            assert len(told_after.json()["nodes"]) == (3 if direction == "up" else 2)
        await downloads(rebuilt, kept)


async def _same(api: Api, rebuilt: Api, model: str) -> bool | None:
    """Whether the digest that the events only claim is confirmed here too."""
    before, after = await api.version(model, 2), await rebuilt.version(model, 2)
    return True if after.artifacts == before.artifacts else None


async def downloads(rebuilt: Api, kept: Kept) -> None:
    """Fetch the files, which must be what their digests say and what was sent."""
    for number, path, data in (
        (1, "m.bin", kept.one),
        (2, "big/m.bin", kept.large),
        (2, "c.json", b"{}"),
        (5, "found.bin", kept.found),
    ):
        version = await rebuilt.version(kept.model, number)
        [digest] = [each.sha256 for each in version.artifacts if each.path == path]
        found = await rebuilt.download(kept.model, number, path)
        assert (sha256_of(found), found) == (digest, data)


async def test_without_the_topic_versions_are_verified_again(
    api: Api, wiped: dict[str, str], kept: Kept, tmp_path: Path
) -> None:
    lost = {**wiped, **another_topic()}
    report = await told(lost, "replay", "--from-beginning")
    assert (report["events"], report["rebuilt"]) == (0, 0)
    assert report["opened"] >= 6
    assert report["reconciled"]["indexed"] >= 3

    async with serving(tmp_path, lost) as rebuilt:
        for number in (1, 2, 5):
            assert (await rebuilt.version(kept.model, number, wait=30)).state == "ready"
        assert (await rebuilt.version(kept.model, 3, wait=30)).state == "rejected"
        assert (await rebuilt.version(kept.model, "latest")).number == 5
        for name in ("1.0", 5):
            before = await api.version(kept.model, name)
            after = await rebuilt.version(kept.model, name)
            assert after.artifacts == before.artifacts
            assert (after.number, after.id, after.label) == (before.number, before.id, before.label)
            assert after.client_id == before.client_id
            # As it was opened: edits are told by the topic alone.
            opened = METADATA if before.number == 1 else {}
            assert {name: getattr(after, name) for name in opened} == opened
            assert after.revision == 1
        await eventually(lambda: _same_digests(api, rebuilt, kept.model))
        await downloads(rebuilt, kept)
        # Six opened, three ready, one rejected: the new topic tells all of it, without a gap.
        assert await sequences(lost, kept.model, 10) == list(range(1, 11))


async def sequences(environment: Mapping[str, str], model: str, count: int) -> list[int]:
    """Wait for so many events of the model; their numbers in the order they first came."""

    def mine(records: Sequence[Record]) -> list[int]:
        values = [record.value or b"" for record in records if record.key == model.encode()]
        return list(dict.fromkeys(ModelEvent.model_validate_json(each).sequence for each in values))

    servers = environment["KAFKA_BOOTSTRAP_SERVERS"]
    topic = environment["KAFKA_MODEL_EVENTS_TOPIC"]
    return mine(await read_until(servers, topic, lambda records: len(mine(records)) >= count))


async def _same_digests(api: Api, rebuilt: Api, model: str) -> bool | None:
    before, after = await api.version(model, 2), await rebuilt.version(model, 2)
    digests = [[each.sha256 for each in version.artifacts] for version in (before, after)]
    return True if digests[0] == digests[1] else None


async def test_a_dry_run_tells_and_changes_nothing(wiped: dict[str, str], kept: Kept) -> None:
    report = await told(wiped, "replay", "--from-beginning", "--dry-run")
    assert report["rebuilt"] >= 6
    assert (report["opened"], report["reconciled"]) == (0, None)
    async with opened(wiped) as database:
        assert not any((await contents(database)).values())


async def test_the_events_of_another_registry_are_counted_and_not_imported(
    wiped: dict[str, str], kept: Kept
) -> None:
    other = {**wiped, "REGISTRY_NAME": "other", "MANIFEST_BUCKET": f"none-{uuid4().hex[:12]}"}
    report = await told(other, "replay", "--from-beginning", "--dry-run")
    assert report["foreign"]["count"] == report["events"] >= 6
    assert report["foreign"]["examples"][0].startswith("/model-registry tells of ")
    assert (report["models"], report["rebuilt"], report["opened"]) == (0, 0, 0)


async def test_beside_the_live_records_nothing_changes(
    environment: dict[str, str], system: System, kept: Kept
) -> None:
    ours = {"model": kept.model}
    before = [found async for found in system.database.versions.find(ours)]
    report = await told(environment, "replay", "--from-beginning")
    assert (report["rebuilt"], report["updated"], report["opened"]) == (0, 0, 0)
    assert report["confirmed"] >= 6
    assert [found async for found in system.database.versions.find(ours)] == before


async def test_records_of_an_old_backup_are_brought_up_to_date(
    wiped: dict[str, str], kept: Kept
) -> None:
    await told(wiped, "replay", "--from-beginning")
    async with opened(wiped) as database:
        good = await database.versions.find_one({"model": kept.model, "number": 1})
        assert good is not None
        pending = {"state": "pending", "etag": None, "sha256": None, "sha256_state": None}
        old = {f"artifacts.0.{name}": value for name, value in pending.items()}
        await database.versions.update_one(
            {"_id": good["_id"]}, {"$set": {"state": "pending", "sequence": 1, **old}}
        )
        # Without its last edits, and without those of the model.
        edit_ids = {"$in": [f"{kept.model}/1@3", f"{kept.model}@2", f"{kept.model}@3"]}
        await database.edits.driver.delete_many({"_id": edit_ids})
        edited = {name: good[name] for name in ("parameters", "properties", "revision")}
        before_edit = {name: METADATA[name] for name in ("parameters", "properties")}
        await database.versions.update_one(
            {"_id": good["_id"]}, {"$set": {**before_edit, "revision": 2}}
        )
        of_model = {"description": "", "tags": "", "revision": ""}
        await database.models.update_one({"_id": kept.model}, {"$unset": of_model})
        # Says something else than its newest event, under the same number.
        other = {"model": kept.model, "number": 3}
        await database.versions.update_one(other, {"$set": {"state": "ready"}})
        await database.models.update_one(
            {"_id": kept.model}, {"$set": {"sequence": 1, "next_number": 1}}
        )
        report = await told(wiped, "replay", "--from-beginning")
        assert (report["rebuilt"], report["updated"]) == (0, 1)
        assert report["differing"]["examples"] == [
            f"{kept.model}/3: ready, event {report_sequence(report)} says rejected"
        ]
        found = await database.versions.find_one({"_id": good["_id"]})
        assert found is not None
        assert found["artifacts"] == good["artifacts"]
        assert {name: found[name] for name in edited} == edited
        assert (report["edits"], report["edited"]) == (3, 2)
        assert (found["state"], found["sequence"]) == ("ready", good["sequence"])
        model = await database.models.find_one({"_id": kept.model})
        assert model is not None
        assert (model["next_number"], model["sequence"]) == (6, 25 + len(EDITS))
        assert (model["description"], model["revision"]) == ("what the model is for", 3)


def report_sequence(report: dict[str, Any]) -> str:
    """The number of the event that the one differing record has."""
    [line] = report["differing"]["examples"]
    return line.split("event ")[1].split()[0]


async def test_a_person_is_told_line_by_line(wiped: dict[str, str], kept: Kept) -> None:
    done = await admin(wiped, "replay", "--from-beginning", "--dry-run")
    assert (done.status, done.err) == (0, "")
    lines = dict(line.rsplit(maxsplit=1) for line in done.out.splitlines())
    assert int(lines["rebuilt"]) >= 6
    assert lines["gaps"] == "0"
