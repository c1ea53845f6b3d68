"""Bytes that wait for a commit: taken by one version, or dropped, whatever ends in between."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.admin.left_work import ask_for_left_work
from services.admin.rebuild.overlay import reopened
from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.events.indexing import index_objects
from services.indexer.reconcile.round import expire, reconcile
from services.indexer.work.workers import work_once
from services.ingest.hub import commits as hub_commits
from services.ingest.hub import drafts, heads
from services.ingest.hub.bodies import LfsAnswer, LfsBatchRequest
from services.ingest.hub.drafts import Asked, changed_files, open_commit
from services.ingest.hub.heads import find_head
from services.ingest.hub.staging import announce_bytes, tell_sent
from services.ingest.uploads.completion import join_parts
from shared.database import commits
from shared.database.aliases import find_alias
from shared.database.blobs import find_digests
from shared.database.commits import HeadMoved, Line
from shared.database.lifecycle import settle_whole
from shared.database.recovery.versions import restore_version
from shared.database.staged import StagedGone, end_staged
from shared.database.work import claim_work, give_up_work
from shared.domain.access.actions import Action
from shared.domain.access.grants import Grant
from shared.domain.access.principals import Principal
from shared.domain.commits import MAIN, Added, Commit
from shared.domain.errors import Conflict, Unauthenticated
from shared.domain.records import VersionRecord, WorkKind, new_id, utc_now
from shared.kafka.dead_letters import DeadLetter
from shared.runtime.settings import MIB
from shared.storage.manifests import read_manifest
from shared.web.access.audit import open_audit
from shared.web.access.caller import Caller
from shared.web.access.trail import Trail
from tests.integration.rig import Rig, opened_rig
from tests.support.api import sha256_of
from tests.support.eventually import eventually
from tests.support.records import artifact, version
from tests.support.servers import Addresses

WRITER = Caller(Principal("token:1", "token", "a test", (Grant.parse("writer:*"),)), Action.UPLOAD)


@pytest.fixture(scope="module")
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    async with opened_rig(addresses) as opened:
        yield opened


async def bury(letter: DeadLetter) -> None:
    raise AssertionError(f"no work fails here: {letter.headers}")


async def announce(rig: Rig, model: str, *contents: bytes) -> list[LfsAnswer]:
    objects = [{"oid": sha256_of(each), "size": len(each)} for each in contents]
    request = LfsBatchRequest.model_validate({"operation": "upload", "objects": objects})
    return await announce_bytes(model, request, WRITER, rig.ingest)


async def send(rig: Rig, announced: LfsAnswer, data: bytes) -> None:
    assert announced.actions is not None
    upload = announced.actions.upload
    size = int(upload.header["chunk_size"])
    for number in range(1, len(upload.header)):
        part = data[(number - 1) * size : number * size]
        answer = await rig.http.put(upload.header[f"{number:05}"], content=part)
        assert answer.status_code == 200, answer.text
    _, _, rest = upload.href.partition("/staged/")
    staged_id, _, secret = rest.partition("/complete?secret=")
    await tell_sent(staged_id, secret, rig.ingest)


async def stage(rig: Rig, model: str, data: bytes) -> None:
    [announced] = await announce(rig, model, data)
    await send(rig, announced, data)


def asked(model: str, **contents: bytes) -> Asked:
    operations = tuple(Added(path, sha256_of(data), len(data)) for path, data in contents.items())
    return Asked(model, MAIN, Commit("a test", "", None, operations), WRITER)


async def opened(rig: Rig, what: Asked) -> VersionRecord:
    """Open a commit's version, and nothing that comes after."""
    head = await find_head(what.model, what.branch, rig.ingest)
    return await open_commit(what, head, changed_files(head, what.commit) or {}, rig.ingest)


async def committed(rig: Rig, model: str, name: str) -> VersionRecord:
    """Stage new bytes, and open a commit of them as a file of this name."""
    data = os.urandom(1000)
    await stage(rig, model, data)
    return await opened(rig, asked(model, **{name: data}))


async def staged_of(rig: Rig, model: str) -> list[dict[str, Any]]:
    return await rig.indexer.database.staged.find({"model": model}).to_list()


def open_parts(rig: Rig, model: str) -> list[str]:
    """The keys of multipart uploads of the model that nobody joined or aborted."""
    listed = rig.s3.list_multipart_uploads(Bucket=rig.bucket, Prefix="").get("Uploads", [])
    return [each["Key"] for each in listed if each["Key"].startswith(f"{model}/")]


async def let_time_pass(rig: Rig, model: str) -> None:
    past = {"$set": {"expires_at": utc_now() - timedelta(seconds=1)}}
    for each in await staged_of(rig, model):
        await rig.indexer.database.staged.update_one({"_id": each["_id"]}, past)


async def tell(rig: Rig, version: VersionRecord) -> None:
    """Index what storage has of a version, as its events would have it."""
    for each in version.artifacts:
        found = await rig.indexer.storage.objects.head(rig.bucket, each.key)
        if found is not None:
            event = ObjectWritten(rig.bucket, each.key, found.object_version)
            await index_objects([event], rig.indexer)


async def make_ready(rig: Rig, version: VersionRecord) -> None:
    """Do what ingest, the bucket's events and a worker do for a commit."""
    await join_parts(version, rig.ingest)
    await tell(rig, version)
    while await work_once(rig.indexer, bury):
        pass


async def test_bytes_that_nobody_commits_are_dropped_when_their_time_is_over(
    rig: Rig, model: str
) -> None:
    sent, lacking = os.urandom(1000), os.urandom(6 * MIB)
    await stage(rig, model, sent)
    await announce(rig, model, lacking)
    assert len(open_parts(rig, model)) == 2
    await expire(rig.indexer)
    assert len(open_parts(rig, model)) == 2, "their time is not over"
    await let_time_pass(rig, model)
    with pytest.raises(Conflict, match="were not sent, or are over"):
        await opened(rig, asked(model, **{"m.bin": sent}))
    await expire(rig.indexer)
    assert open_parts(rig, model) == []
    assert await staged_of(rig, model) == []


async def test_what_is_announced_and_never_opened_is_dropped_by_its_key(
    rig: Rig, model: str
) -> None:
    await announce(rig, model, os.urandom(1000))
    [staged] = await staged_of(rig, model)
    lost = {"$set": {"multipart_id": None}}  # ingest ended before it kept the id
    await rig.indexer.database.staged.update_one({"_id": staged["_id"]}, lost)
    await let_time_pass(rig, model)
    await expire(rig.indexer)
    assert open_parts(rig, model) == []


async def test_a_comparison_leaves_bytes_alone_that_wait_for_a_commit(
    addresses: Addresses, model: str
) -> None:
    async with opened_rig(addresses, stray_age_seconds=0) as hasty:
        data = os.urandom(1000)
        await stage(hasty, model, data)
        await reconcile(hasty.indexer)
        assert len(open_parts(hasty, model)) == 1
        version = await opened(hasty, asked(model, **{"m.bin": data}))
        await reconcile(hasty.indexer)
        assert len(open_parts(hasty, model)) == 1, "they are to be joined"
        assert await staged_of(hasty, model) == []
        assert version.artifacts[0].expected_sha256 == sha256_of(data)


async def test_a_version_becomes_ready_though_ingest_ended_when_it_had_opened_it(
    rig: Rig, model: str
) -> None:
    data = os.urandom(11 * MIB)
    await stage(rig, model, data)
    version = await opened(rig, asked(model, **{"m.bin": data, "again.bin": data}))
    assert (version.state, version.work and version.work.kind) == ("pending", "join")
    due = {"$set": {"work.due_at": utc_now() - timedelta(seconds=1)}}
    await rig.indexer.database.versions.update_one({"_id": version.id}, due)
    assert await work_once(rig.indexer, bury)  # a worker joins
    settings = rig.indexer.settings
    kept = await read_manifest(model, 1, rig.indexer.storage, settings)
    assert kept is not None
    assert kept.id == version.id
    await tell(rig, version)
    while await work_once(rig.indexer, bury):
        pass
    ready = await rig.version(model)
    assert ready.state == "ready"
    assert {each.sha256 for each in ready.artifacts} == {sha256_of(data)}
    assert len({each.stored_key for each in ready.artifacts}) == 1
    assert await rig.told(model) == ["created", "ready"]
    assert open_parts(rig, model) == []


async def opened_of_known_bytes(rig: Rig, model: str, name: str) -> VersionRecord:
    """Open a second version of the bytes of the first, which is ready."""
    header = json.dumps({"__metadata__": {"of": model}}).encode()
    data = len(header).to_bytes(8, "little") + header  # safetensors without a tensor
    await stage(rig, model, data)
    await make_ready(rig, await opened(rig, asked(model, **{"m.bin": data})))
    version = await opened(rig, asked(model, **{name: data}))
    due = {"$set": {"work.due_at": utc_now() - timedelta(seconds=1)}}
    await rig.indexer.database.versions.update_one({"_id": version.id}, due)
    return version


KNOWN_BYTES = pytest.mark.parametrize(
    ("name", "kind"), [("same.bin", "join"), ("renamed.safetensors", "verify")]
)


@KNOWN_BYTES
async def test_a_commit_of_known_bytes_becomes_ready_though_ingest_ended_when_it_had_opened_it(
    rig: Rig, model: str, name: str, kind: str
) -> None:
    """No event comes for it: its bytes were stored before."""
    version = await opened_of_known_bytes(rig, model, name)
    assert version.work is not None
    assert version.work.kind == kind
    while await work_once(rig.indexer, bury):
        pass
    ready = await rig.version(model, 2)
    assert (ready.state, ready.work) == ("ready", None)
    [first] = (await rig.version(model)).artifacts
    assert {each.stored_key for each in ready.artifacts} == {first.stored_key}
    kept = await read_manifest(model, 2, rig.indexer.storage, rig.indexer.settings)
    assert kept is not None
    assert kept.id == version.id
    assert (await rig.told(model))[-2:] == ["created", "ready"]
    head = await find_head(model, MAIN, rig.ingest)
    assert (head.version and head.version.number, head.is_settled) == (2, True)


async def give_up(rig: Rig, kind: WorkKind) -> None:
    """Have the work of a version fail for good."""
    database = rig.indexer.database
    taken = await claim_work(database, kind, "a token", timedelta(minutes=1))
    assert taken is not None
    assert await give_up_work(database, taken.id, "a token", kind, "storage is full")


@KNOWN_BYTES
async def test_a_dead_letter_that_is_replayed_revives_a_commit_of_known_bytes(
    rig: Rig, model: str, name: str, kind: WorkKind
) -> None:
    version = await opened_of_known_bytes(rig, model, name)
    await give_up(rig, kind)
    assert not await work_once(rig.indexer, bury), "nobody tries it again by themselves"
    for each in version.artifacts:  # as the letter has it
        await index_objects([ObjectWritten(rig.bucket, each.key, None)], rig.indexer)
    while await work_once(rig.indexer, bury):
        pass
    ready = await rig.version(model, 2)
    assert (ready.state, ready.work, ready.failure) == ("ready", None, None)


async def test_a_commit_that_is_repeated_leaves_no_failure_of_its_join_behind(
    rig: Rig, model: str
) -> None:
    version = await opened_of_known_bytes(rig, model, "same.bin")
    await give_up(rig, "join")
    ready = await settle_whole(rig.indexer.database, version, rig.indexer.counts.version_settled)
    assert (ready.state, ready.failure) == ("ready", None)


@KNOWN_BYTES
async def test_a_version_that_is_rebuilt_with_all_of_its_bytes_is_announced_as_ready(
    rig: Rig, model: str, name: str, kind: str
) -> None:
    """The database was lost before the event was published."""
    version = await opened_of_known_bytes(rig, model, name)
    assert version.work is not None
    assert version.work.kind == kind
    lost = version.model_copy(update={"work": None})
    rebuilt = reopened(lost, now=utc_now() - timedelta(seconds=1), ttl=timedelta(hours=1))
    assert await restore_version(rig.indexer.database, rebuilt, instead_of=version.sequence)
    while await work_once(rig.indexer, bury):
        pass
    assert (await rig.version(model, 2)).state == "ready"
    assert (await rig.told(model))[-2:] == ["created", "ready"]


async def test_a_migration_resumes_commits_that_an_earlier_release_left_open(
    rig: Rig, model: str
) -> None:
    data = os.urandom(1000)
    await stage(rig, model, data)
    await make_ready(rig, await opened(rig, asked(model, **{"m.bin": data})))
    left = await opened(rig, asked(model, **{"n.bin": data}))
    no_work = {"$set": {"work": None}}
    await rig.indexer.database.versions.update_one({"_id": left.id}, no_work)
    assert (await ask_for_left_work(rig.indexer)).to_join == 1
    while await work_once(rig.indexer, bury):
        pass
    assert (await rig.version(model, 2)).state == "ready"
    assert (await ask_for_left_work(rig.indexer)).to_join == 0


async def test_events_that_come_before_the_join_is_recorded_hold_up_nothing(
    rig: Rig, model: str
) -> None:
    data = os.urandom(1000)
    await stage(rig, model, data)
    version = await opened(rig, asked(model, **{"m.bin": data}))
    [artifact] = version.artifacts
    multipart, key = rig.ingest.storage.multipart, artifact.key
    parts = await multipart.parts(rig.bucket, key, artifact.multipart_id or "")
    await multipart.complete(rig.bucket, key, artifact.multipart_id or "", parts)
    await tell(rig, version)
    now = await rig.version(model)
    assert (now.state, now.work and now.work.kind) == ("verifying", "verify")
    while await work_once(rig.indexer, bury):
        pass
    assert (await rig.version(model)).state == "ready"


async def test_bytes_are_either_taken_or_dropped(rig: Rig, model: str) -> None:
    data = os.urandom(1000)
    await stage(rig, model, data)
    what = asked(model, **{"m.bin": data})
    head = await find_head(model, MAIN, rig.ingest)
    files = changed_files(head, what.commit) or {}
    [staged] = await staged_of(rig, model)
    assert await end_staged(rig.indexer.database, staged["_id"])
    with pytest.raises(Conflict, match="were not sent, or are over"):
        await open_commit(what, head, files, rig.ingest)
    assert await rig.indexer.database.versions.count_documents({"model": model}) == 0
    await stage(rig, model, data)
    [_, fresh] = sorted(await staged_of(rig, model), key=lambda each: each["created_at"])
    await open_commit(what, head, files, rig.ingest)
    assert not await end_staged(rig.indexer.database, fresh["_id"]), "a version has them"


async def test_bytes_that_end_at_the_moment_of_their_commit_open_no_version(
    rig: Rig, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(1000)
    await stage(rig, model, data)
    [staged] = await staged_of(rig, model)
    original = drafts.copy_part_digests

    async def ending(*arguments: Any) -> None:
        await original(*arguments)  # the last step before the transaction
        assert await end_staged(rig.indexer.database, staged["_id"])

    monkeypatch.setattr(drafts, "copy_part_digests", ending)
    with pytest.raises(StagedGone):
        await opened(rig, asked(model, **{"m.bin": data}))
    assert await rig.indexer.database.versions.count_documents({"model": model}) == 0


async def test_a_commit_counts_only_where_nothing_was_opened_since_it_looked(
    rig: Rig, model: str
) -> None:
    first, second = os.urandom(1000), os.urandom(1000)
    await stage(rig, model, first)
    await stage(rig, model, second)
    head = await find_head(model, MAIN, rig.ingest)
    what, other = asked(model, **{"a.bin": first}), asked(model, **{"b.bin": second})
    await open_commit(what, head, changed_files(head, what.commit) or {}, rig.ingest)
    with pytest.raises(HeadMoved):
        await open_commit(other, head, changed_files(head, other.commit) or {}, rig.ingest)
    assert len(await staged_of(rig, model)) == 1, "its bytes still wait"
    now = await find_head(model, MAIN, rig.ingest)
    assert now.version is not None
    assert (now.version.number, now.is_settled) == (1, False)


async def test_a_commit_begins_with_the_one_that_becomes_ready_while_it_looks(
    rig: Rig, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.bin", "b.bin"):
        version = await committed(rig, model, name)
        if name == "a.bin":
            await make_ready(rig, version)
    original = heads.read_line

    async def reading(*arguments: Any) -> Line:
        line = await original(*arguments)
        await make_ready(rig, version)
        return line

    monkeypatch.setattr(heads, "read_line", reading)
    head = await find_head(model, MAIN, rig.ingest)
    assert head.version is not None
    assert (head.version.number, head.is_settled) == (2, True)
    assert [each.path for each in head.version.artifacts] == ["a.bin", "b.bin"]


async def test_of_many_commits_above_a_version_the_newest_are_looked_at(
    rig: Rig, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.bin", "b.bin"):
        await make_ready(rig, await committed(rig, model, name))
    monkeypatch.setattr(commits, "MOST_OPEN", 1)
    [newest] = await commits.commits_above(rig.ingest.database, model, 0, MAIN)
    assert newest.number == 2


async def test_who_is_refused_by_now_commits_nothing_after_a_wait(
    rig: Rig, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = os.urandom(1000), os.urandom(1000)
    await stage(rig, model, first)
    await stage(rig, model, second)
    before = await opened(rig, asked(model, **{"a.bin": first}))
    is_waiting, original = asyncio.Event(), hub_commits.settled

    async def settling(*arguments: Any) -> VersionRecord:
        is_waiting.set()
        return await original(*arguments)

    async def revoked() -> Principal:
        raise Unauthenticated

    monkeypatch.setattr(hub_commits, "settled", settling)
    async with open_audit(rig.ingest.database) as audit:
        caller = replace(WRITER, trail=Trail(audit, "192.0.2.1", "r"), ask_again=revoked)
        what = replace(asked(model, **{"b.bin": second}), caller=caller)
        waiting = asyncio.create_task(hub_commits.make_commit(what, rig.ingest))
        await is_waiting.wait()
        await make_ready(rig, before)
        with pytest.raises(Unauthenticated):
            await waiting
    assert await rig.ingest.database.versions.count_documents({"model": model}) == 1


async def test_who_is_refused_by_now_moves_no_branch_after_a_wait(rig: Rig, model: str) -> None:
    data = os.urandom(1000)
    await stage(rig, model, data)

    async def revoked() -> Principal:
        raise Unauthenticated

    async with open_audit(rig.ingest.database) as audit:
        caller = replace(WRITER, trail=Trail(audit, "192.0.2.1", "r"), ask_again=revoked)
        what = replace(asked(model, **{"a.bin": data}), branch="dev", caller=caller)
        waiting = asyncio.create_task(hub_commits.make_commit(what, rig.ingest))

        async def joined() -> VersionRecord | None:
            versions = rig.ingest.database.versions
            found = await versions.find_one({"model": model})
            return VersionRecord.model_validate(found) if found else None

        await make_ready(rig, await eventually(joined))
        with pytest.raises(Unauthenticated):
            await waiting
    assert await find_alias(rig.ingest.database, model, "dev") is None


async def test_bytes_are_known_though_another_version_only_claims_to_have_them(
    rig: Rig, model: str
) -> None:
    digest, told = sha256_of(os.urandom(8)), {"state": "verified", "etag": "e", "size_bytes": 5}
    claimed = artifact("a.bin", key=f"{model}/1/a", sha256=digest, sha256_state="claimed", **told)
    other = artifact("b.bin", key=f"{model}/1/b", sha256_state="verified", **told)
    known = artifact("c.bin", key=f"{model}/2/c", sha256=digest, sha256_state="verified", **told)
    for number, files in enumerate([(claimed, other), (known,)], 1):
        record = version(*files, id=f"{number}{new_id()[1:]}", model=model, number=number)
        told_so = {"state": "ready", "storage_group": rig.bucket}
        ready = record.model_copy(update=told_so)
        await rig.ingest.database.versions.insert_one(ready.model_dump(by_alias=True))
    names = WRITER.doing(Action.DOWNLOAD).names
    found = await find_digests(rig.ingest.database, rig.bucket, {digest: 5}, names)
    assert found[digest].artifact.path == "c.bin"
    assert await find_digests(rig.ingest.database, rig.bucket, {digest: 6}, names) == {}
