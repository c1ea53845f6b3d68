"""Deleted versions are purged beside those that share their bytes, hold them, or wake up late."""

import os
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from registry.schemas import Reason, ReuseRequest, UploadRequest
from services.admin.collect import collect
from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.events.indexing import index_objects
from services.indexer.reconcile.round import reconcile
from services.indexer.work import purge
from services.indexer.work.purge import purge_version
from services.indexer.work.workers import LEASE, work_once
from services.ingest.uploads import opening
from services.ingest.uploads.opening import open_upload
from services.ingest.uploads.reuse import reuse, with_stored_bytes
from shared.database.deletion import begin_purge, change_version
from shared.database.lifecycle import mark_missing, settle_whole
from shared.database.opening import open_version
from shared.database.purges import purged_versions
from shared.database.recovery.references import restore_references
from shared.database.sessions import clean_surplus
from shared.database.storage_groups import first_version_in
from shared.database.work import claim_work
from shared.domain import deletion
from shared.domain.access.decision import EVERY_NAME
from shared.domain.records import HoldRecord, VersionRecord, new_id, utc_now
from shared.kafka.dead_letters import DeadLetter
from shared.storage.connection import StorageUnavailable
from shared.storage.manifests import manifest_key
from tests.integration.drafts import OWNER, draft
from tests.integration.rig import Rig, opened_rig, upload_of
from tests.support.api import file_of, sha256_of
from tests.support.servers import Addresses

PAST = timedelta(days=8)


@pytest.fixture(scope="module")
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    async with opened_rig(addresses) as opened:
        yield opened


async def bury(letter: DeadLetter) -> None:
    raise AssertionError(f"no work fails here: {letter.headers}")


async def all_work(rig: Rig) -> None:
    while await work_once(rig.indexer, bury):
        pass


async def ready(rig: Rig, model: str, *files: tuple[str, bytes]) -> VersionRecord:
    """A version of these files, sent and verified."""
    session = await rig.upload(model, *files)
    written = [ObjectWritten(rig.bucket, plan.key) for plan in session.files]
    await index_objects(written, rig.indexer)
    found = await upload_of(session, rig.ingest)
    assert found.state == "ready"
    return found


async def sharing(rig: Rig, model: str, *files: tuple[str, bytes]) -> VersionRecord:
    """A version of these files that refers to bytes which are there."""
    paths = [path for path, _ in files]
    sizes = [len(data) for _, data in files]
    bare = draft(model, *paths, storage_group=rig.bucket)
    artifacts = [
        each.model_copy(update={"size_bytes": size})
        for each, size in zip(bare.artifacts, sizes, strict=True)
    ]
    digests = {index: sha256_of(data) for index, (_, data) in enumerate(files)}
    wished = bare.model_copy(update={"artifacts": artifacts})
    referring = await with_stored_bytes(wished, digests, EVERY_NAME, rig.ingest)
    opened = await open_version(rig.indexer.database, referring)
    return await settle_whole(rig.indexer.database, opened, rig.indexer.counts.version_settled)


async def delete(rig: Rig, version: VersionRecord, *, is_due: bool = True) -> None:
    at = utc_now() - PAST if is_due else utc_now()

    def decide(found: VersionRecord) -> VersionRecord:
        retention = timedelta(days=7)
        return deletion.delete(found, by="somebody", reason="", at=at, retention=retention)

    event = "registry.version.deleted.v1"
    await change_version(rig.indexer.database, version.model, version.id, decide, event)


async def now_is(rig: Rig, version: VersionRecord) -> VersionRecord:
    found = await rig.indexer.versions.get(version.id)
    assert found is not None
    return found


def objects(rig: Rig, version: VersionRecord) -> Sequence[str]:
    """Keys of all versions of objects in the version's folder."""
    prefix = f"{version.model}/{version.number}/"
    client: Any = rig.s3
    listed = client.list_object_versions(Bucket=rig.bucket, Prefix=prefix)
    return [each["Key"] for each in listed.get("Versions", [])]


async def changed(rig: Rig, version: VersionRecord, fields: dict[str, Any]) -> None:
    await rig.indexer.database.versions.update_one({"_id": version.id}, {"$set": fields})


async def test_bytes_are_found_among_many_under_names_that_need_another_check(
    rig: Rig, model: str
) -> None:
    data, same = os.urandom(100), os.urandom(100)
    await ready(rig, model, ("m.onnxx", data))
    for number in range(45):
        await sharing(rig, f"{model}-{number}", ("m.onnxx", data))
    holder = await ready(rig, model, ("m.data", data), ("n.data", same))
    found = await sharing(rig, f"{model}-b", ("x.data", data), ("y.data", same))
    assert [each.location for each in found.artifacts] == [each.key for each in holder.artifacts]


async def test_one_digest_with_two_sizes_refers_to_what_has_both(rig: Rig, model: str) -> None:
    data = os.urandom(100)
    holder = await ready(rig, model, ("m.bin", data))
    bare = draft(f"{model}-b", "a.bin", "b.bin", storage_group=rig.bucket)
    for sizes in ((5, 100), (100, 5)):
        artifacts = [
            each.model_copy(update={"size_bytes": size})
            for each, size in zip(bare.artifacts, sizes, strict=True)
        ]
        wished = bare.model_copy(update={"artifacts": artifacts})
        digests = dict.fromkeys(range(2), sha256_of(data))
        found = await with_stored_bytes(wished, digests, EVERY_NAME, rig.ingest)
        assert [each.size_bytes for each in found.artifacts] == [*sizes]
        assert [each.location for each in found.artifacts] == [
            holder.artifacts[0].key if size == 100 else None for size in sizes
        ]


async def test_an_upload_whose_answer_was_lost_is_told_again_that_its_bytes_may_be_stored(
    rig: Rig, model: str
) -> None:
    data = os.urandom(1024 * 1024 + 1)
    holder = await ready(rig, model, ("m.bin", data[:100]))
    # As a large file that is stored.
    await changed(rig, holder, {"artifacts.0.size_bytes": len(data)})
    asked = {"model": f"{model}-b", "files": [{"path": "m.bin", "size_bytes": len(data)}]}
    request = UploadRequest.model_validate(asked)
    told = [
        (await open_upload(request, "lost", OWNER, rig.ingest, readable=EVERY_NAME))[0]
        for _ in range(2)
    ]
    assert [each.files[0].is_size_known for each in told] == [True, True]
    hidden, _ = await open_upload(request, "lost", OWNER, rig.ingest)
    assert not hidden.files[0].is_size_known


async def test_a_digest_other_than_the_declared_one_is_not_taken(rig: Rig, model: str) -> None:
    data, other = os.urandom(100), os.urandom(100)
    await ready(rig, model, ("m.bin", data))
    session = await rig.open(f"{model}-b", ("m.bin", other))
    request = ReuseRequest(sha256={"m.bin": sha256_of(data)})
    record = await upload_of(session, rig.ingest)
    assert not (await reuse(record, request, EVERY_NAME, rig.ingest)).files[0].uploaded


async def test_an_upload_that_is_stored_already_is_ready_only_with_its_manifest(
    rig: Rig, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(100)
    await ready(rig, model, ("m.bin", data))
    asked = {"model": f"{model}-b", "files": [file_of("m.bin", data)]}
    request = UploadRequest.model_validate(asked)

    async def fails(*_: Any) -> None:
        raise StorageUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(opening, "keep_manifest", fails)
        with pytest.raises(StorageUnavailable):
            await open_upload(request, "key", OWNER, rig.ingest, readable=EVERY_NAME)
    assert (await rig.version(f"{model}-b")).state == "pending"
    session, is_new = await open_upload(request, "key", OWNER, rig.ingest, readable=EVERY_NAME)
    assert (is_new, session.state, session.version_state) == (False, "completed", "ready")
    manifests = rig.indexer.settings.manifest_bucket
    stored = rig.indexer.storage.objects
    assert await stored.head(manifests, manifest_key(f"{model}-b", 1)) is not None


async def test_what_a_delete_marker_hides_is_purged_too(rig: Rig, model: str) -> None:
    version = await ready(rig, model, ("m.bin", os.urandom(100)), ("n.bin", os.urandom(100)))
    client: Any = rig.s3
    client.delete_object(Bucket=rig.bucket, Key=f"{model}/1/m.bin")
    assert len(objects(rig, version)) == 2
    await delete(rig, version)
    await all_work(rig)
    assert objects(rig, version) == []


async def test_what_was_there_before_the_bucket_kept_versions_is_purged(
    addresses: Addresses, model: str
) -> None:
    async with opened_rig(addresses) as rig:
        rig.suspend_versions()
        version = await ready(rig, model, ("m.bin", os.urandom(100)))
        client: Any = rig.s3
        client.put_bucket_versioning(
            Bucket=rig.bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        await delete(rig, version)
        await all_work(rig)
        assert objects(rig, version) == []


async def test_what_was_written_later_under_a_shared_key_goes_and_the_shared_object_stays(
    rig: Rig, model: str
) -> None:
    data = os.urandom(100)
    holder = await ready(rig, model, ("m.bin", data))
    borrower = await sharing(rig, f"{model}-b", ("m.bin", data))
    rig.put(f"{model}/1/m.bin", b"written again")
    await delete(rig, holder)
    await all_work(rig)
    assert objects(rig, holder) == [f"{model}/1/m.bin"]
    pinned = borrower.artifacts[0]
    stored = rig.indexer.storage.objects
    assert await stored.head(rig.bucket, pinned.stored_key, pinned.object_version) is not None


async def test_late_bytes_for_a_file_that_refers_leave_the_parts_of_an_open_upload(
    rig: Rig, model: str
) -> None:
    version = await ready(rig, model, ("a.bin", b"shared"))
    session = await rig.open(model, ("a.bin", b"shared"), ("b.bin", os.urandom(2 * 1024 * 1024)))
    location = version.artifacts[0].key
    await changed(rig, await upload_of(session, rig.ingest), {"artifacts.0.location": location})
    assert not await clean_surplus(rig.indexer.database, session.version_id)
    assert (await upload_of(session, rig.ingest)).work is None


async def test_purged_versions_do_not_count_as_those_that_refer(rig: Rig, model: str) -> None:
    data = os.urandom(100)
    holder = await ready(rig, model, ("m.bin", data))
    borrower = await sharing(rig, f"{model}-b", ("m.bin", data))
    assert (await now_is(rig, holder)).artifacts[0].references == 1
    await delete(rig, borrower)
    await all_work(rig)
    assert (await now_is(rig, holder)).artifacts[0].references == 0
    await restore_references(rig.indexer.database, model)
    assert (await now_is(rig, holder)).artifacts[0].references == 0


async def test_bytes_that_are_needed_stay_where_their_count_was_lost(rig: Rig, model: str) -> None:
    data = os.urandom(100)
    holder = await ready(rig, model, ("m.bin", data))
    borrower = await sharing(rig, f"{model}-b", ("m.bin", data))
    await changed(rig, holder, {"artifacts.0.references": 0})
    await delete(rig, holder)
    await all_work(rig)
    assert objects(rig, holder) == [f"{model}/1/m.bin"]
    assert (await now_is(rig, holder)).artifacts[0].references == 1
    await delete(rig, borrower)
    await all_work(rig)
    assert objects(rig, holder) == []


async def test_a_version_is_purged_whose_bytes_lay_under_a_version_that_is_not_known_any_more(
    rig: Rig, model: str
) -> None:
    data = os.urandom(100)
    holder = await ready(rig, model, ("m.bin", data))
    borrower = await sharing(rig, f"{model}-b", ("m.bin", data))
    await rig.indexer.database.versions.delete_one({"_id": holder.id})
    await delete(rig, borrower)
    await all_work(rig)
    found = await now_is(rig, borrower)
    assert found.deletion is not None
    assert found.deletion.purged_at is not None


async def test_nobody_begins_to_share_what_storage_has_lost(rig: Rig, model: str) -> None:
    data, other = os.urandom(100), os.urandom(100)
    holder = await ready(rig, model, ("m.bin", data), ("n.bin", other))
    bare = draft(f"{model}-b", storage_group=rig.bucket)
    sized = [bare.artifacts[0].model_copy(update={"size_bytes": 100})]
    wished = bare.model_copy(update={"artifacts": sized})
    referring = await with_stored_bytes(wished, {0: sha256_of(data)}, EVERY_NAME, rig.ingest)
    assert referring.artifacts[0].location == holder.artifacts[0].key
    lost = Reason(code="object_missing", detail="gone", path="m.bin")
    await mark_missing(rig.indexer.database, holder.id, [lost])
    with pytest.raises(Exception, match=r"m\.bin"):
        await open_version(rig.indexer.database, referring)


async def test_every_version_that_shares_a_lost_object_becomes_missing(
    rig: Rig, model: str
) -> None:
    data = os.urandom(100)
    holder = await ready(rig, model, ("m.bin", data))
    borrowers = [await sharing(rig, f"{model}-b", ("m.bin", data)) for _ in range(45)]
    client: Any = rig.s3
    client.delete_object(
        Bucket=rig.bucket,
        Key=holder.artifacts[0].key,
        VersionId=holder.artifacts[0].object_version,
    )
    await reconcile(rig.indexer)
    states = {(await now_is(rig, each)).state for each in (holder, *borrowers)}
    assert states == {"missing"}


async def test_what_was_purged_is_told_without_reading_all_that_is_known_of_it(
    rig: Rig, model: str
) -> None:
    version = await ready(rig, model, ("m.bin", b"123"))
    await delete(rig, version)
    await all_work(rig)
    # Whoever read these fields as those of a version would fail.
    await changed(rig, version, {"artifacts": "thousands", "parameters": "megabytes"})
    try:
        [found] = await purged_versions(rig.indexer.database, before=None, limit=1)
    finally:
        await rig.indexer.database.versions.delete_one({"_id": version.id})
    assert (found.id, found.model, found.number) == (version.id, model, 1)
    assert (found.size_bytes, found.deleted_by) == (3, "somebody")
    assert found.deleted_at < found.purged_at


async def test_a_purge_that_the_clock_calls_too_early_is_left_for_later(
    rig: Rig, model: str
) -> None:
    version = await ready(rig, model, ("m.bin", os.urandom(100)))
    await delete(rig, version, is_due=False)
    await changed(rig, version, {"work.due_at": utc_now() - PAST})
    await all_work(rig)
    found = await now_is(rig, version)
    assert found.deletion is not None
    assert found.work is not None
    assert found.work.due_at == found.deletion.purge_due_at
    assert objects(rig, version) == [f"{model}/1/m.bin"]


@pytest.mark.parametrize("step", ["hold", "restore"])
async def test_a_worker_that_wakes_after_a_version_was_wanted_again_removes_nothing(
    rig: Rig, model: str, step: str
) -> None:
    version = await ready(rig, model, ("m.bin", os.urandom(100)))
    await delete(rig, version)
    database, token = rig.indexer.database, new_id()
    claimed = await claim_work(database, "purge", token, LEASE)
    assert claimed is not None
    now = utc_now()
    held = HoldRecord(at=now, by="counsel")
    event = "registry.version.held.v1"
    await change_version(
        database,
        model,
        version.id,
        lambda found: (
            deletion.hold(found, held) if step == "hold" else deletion.restore(found, now)
        ),
        event,
    )
    assert await purge_version(claimed, token, rig.indexer) is None
    assert objects(rig, version) == [f"{model}/1/m.bin"]
    assert (await now_is(rig, version)).work is None


async def test_a_worker_that_froze_in_the_middle_of_a_purge_does_no_harm_after_another(
    rig: Rig, model: str
) -> None:
    version = await ready(rig, model, ("m.bin", os.urandom(100)))
    await delete(rig, version)
    database, frozen = rig.indexer.database, new_id()
    assert await claim_work(database, "purge", frozen, LEASE) is not None
    begun = await begin_purge(database, version.id, frozen)
    assert begun is not None
    await changed(rig, version, {"work.due_at": utc_now() - PAST})
    await all_work(rig)
    told = await rig.told(model)
    assert told.count("purged") == 1
    await purge.remove_version(begun, rig.indexer.storage)
    await purge.finish_purge(database, begun, frozen)
    assert await rig.told(model) == told
    assert (await now_is(rig, version)).work is None


async def test_a_collection_reports_what_it_removed_and_not_what_was_wanted_again(
    rig: Rig, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(100)
    holder = await ready(rig, model, ("m.bin", data), ("n.bin", os.urandom(50)))
    borrower = await sharing(rig, f"{model}-b", ("m.bin", data))
    await delete(rig, holder)
    first = await collect(rig.indexer, dry_run=False)
    assert (first.purged, first.bytes_freed) == (1, 50)
    await delete(rig, borrower)
    second = await collect(rig.indexer, dry_run=False)
    assert second.bytes_freed == 100
    wanted = await ready(rig, model, ("m.bin", data))
    await delete(rig, wanted)
    original = purge.begin_purge

    async def after_a_restore(*arguments: Any) -> VersionRecord | None:
        await change_version(
            rig.indexer.database,
            model,
            wanted.id,
            lambda found: deletion.restore(found, utc_now()),
            "registry.version.restored.v1",
        )
        return await original(*arguments)

    monkeypatch.setattr(purge, "begin_purge", after_a_restore)
    third = await collect(rig.indexer, dry_run=False)
    assert (third.purged, third.bytes_freed, third.errors) == (0, 0, [])


async def test_a_storage_group_is_free_once_all_its_versions_are_purged(
    addresses: Addresses, model: str
) -> None:
    async with opened_rig(addresses) as rig:
        data = os.urandom(100)
        holder = await ready(rig, model, ("m.bin", data))
        borrower = await sharing(rig, f"{model}-b", ("m.bin", data))
        await delete(rig, holder)
        await all_work(rig)
        assert await first_version_in(rig.indexer.database, rig.bucket) is not None
        await delete(rig, borrower, is_due=False)
        assert await first_version_in(rig.indexer.database, rig.bucket) is not None
        due = {"work.due_at": utc_now() - PAST, "deletion.purge_due_at": utc_now() - PAST}
        await changed(rig, borrower, due)
        await all_work(rig)
        assert await first_version_in(rig.indexer.database, rig.bucket) is None
