"""The reconciler finds without any event what events would have told, and repairs it."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry.schemas import CompleteRequest, SignPartsRequest, UploadSession
from services.indexer.reconcile import round as module
from services.indexer.reconcile.report import Report
from services.indexer.reconcile.round import reconcile, reconcile_when_due
from services.indexer.work.workers import work_once
from services.ingest.uploads.completion import complete_upload
from services.ingest.uploads.parts import sign_parts
from shared.database.opening import open_version
from shared.database.reports import last_comparison_began
from shared.kafka.dead_letters import DeadLetter
from shared.runtime.settings import MIB
from tests.integration.drafts import draft
from tests.integration.rig import Rig, opened_rig, upload_of
from tests.support.api import parts_of, sha256_of
from tests.support.servers import Addresses

PAST = datetime(2000, 1, 1, tzinfo=UTC)
LARGE = os.urandom(6 * MIB)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a comparison looks again within a second."""
    monkeypatch.setattr(module, "LEASE_SECONDS", 3.0)


@pytest.fixture
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    async with opened_rig(addresses) as opened:
        yield opened


async def bury(letter: DeadLetter) -> None:
    pytest.fail(f"work failed: {letter.headers['reason']}")


async def work(rig: Rig) -> None:
    """Do what is left to workers."""
    await rig.adopt()
    while await work_once(rig.indexer, bury):
        pass


async def expire(rig: Rig, session: UploadSession) -> None:
    await rig.indexer.database.versions.update_one(
        {"_id": session.version_id}, {"$set": {"session.expires_at": PAST}}
    )


async def send_parts(rig: Rig, session: UploadSession) -> None:
    parts = parts_of(LARGE, 5 * MIB)
    wanted = [{"number": number, "sha256": sha256_of(part)} for number, part in parts.items()]
    asked = SignPartsRequest.model_validate({"path": session.files[0].path, "parts": wanted})
    for signed in (await sign_parts(await upload_of(session, rig.ingest), asked, rig.ingest)).parts:
        answer = await rig.http.put(
            signed.url, content=parts[signed.number], headers=signed.headers
        )
        assert answer.status_code == 200, answer.text


def repaired(report: Report) -> dict[str, int]:
    """What the report counts besides what it saw."""
    kinds = (
        "indexed",
        "found",
        "expired",
        "missing",
        "restored",
        "strays",
        "quarantined",
        "aborted_uploads",
    )
    return {kind: count for kind in kinds if (count := getattr(report, kind))}


async def test_a_declared_upload_becomes_ready(rig: Rig) -> None:
    await rig.upload("churn", ("model.bin", b"bytes"))
    report = await reconcile(rig.indexer)
    assert repaired(report) == {"indexed": 1}
    assert (report.objects, report.records, report.errors) == (1, 1, [])
    assert (await rig.version("churn")).state == "ready"
    assert await rig.told("churn") == ["created", "ready"]
    assert repaired(await reconcile(rig.indexer)) == {}, "there is nothing left to repair"


async def test_a_joined_multipart_upload_becomes_ready(rig: Rig) -> None:
    session = await rig.open("churn", ("model.bin", LARGE))
    await send_parts(rig, session)
    await complete_upload(await upload_of(session, rig.ingest), CompleteRequest(), rig.ingest)
    assert repaired(await reconcile(rig.indexer)) == {"indexed": 1}
    await work(rig)
    version = await rig.version("churn")
    assert (version.state, version.artifacts[0].sha256) == ("ready", sha256_of(LARGE))


async def test_an_object_that_nobody_declared_becomes_a_version(rig: Rig) -> None:
    rig.put("churn/3/a+b c.bin")
    assert repaired(await reconcile(rig.indexer)) == {"found": 1}
    assert repaired(await reconcile(rig.indexer)) == {}, "it is in the queue"
    await rig.adopt()
    assert (await rig.version("churn", 3)).state == "verifying"
    assert repaired(await reconcile(rig.indexer)) == {}, "it is in the hands of the full read"
    await work(rig)
    version = await rig.version("churn", 3)
    assert (version.state, version.artifacts[0].path) == ("ready", "a+b c.bin")


async def test_an_upload_whose_time_is_over_is_rejected_and_its_bytes_are_removed(
    rig: Rig,
) -> None:
    session = await rig.open("churn", ("large.bin", LARGE), ("small.bin", b"bytes"))
    await send_parts(rig, session)
    assert session.files[1].put is not None
    put = session.files[1].put
    await rig.http.put(put.url, content=b"bytes", headers=put.headers)
    await expire(rig, session)

    # The small file's bytes came in time; the large one's parts were never joined.
    assert repaired(await reconcile(rig.indexer)) == {"expired": 1}
    version = await rig.version("churn")
    assert (version.state, version.reasons[0].code) == ("rejected", "upload_expired")
    assert await rig.told("churn") == ["created", "rejected"]

    await work(rig)
    uploads = rig.s3.list_multipart_uploads(Bucket=rig.bucket, Prefix="")
    assert uploads.get("Uploads", []) == []
    assert rig.s3.list_object_versions(Bucket=rig.bucket, Prefix="").get("Versions", []) == []
    assert (await rig.version("churn")).work is None
    assert repaired(await reconcile(rig.indexer)) == {}


async def test_an_upload_that_has_all_its_bytes_is_not_over_though_its_time_is(rig: Rig) -> None:
    session = await rig.upload("churn", ("model.bin", b"bytes"))
    await expire(rig, session)
    assert repaired(await reconcile(rig.indexer)) == {"indexed": 1}
    assert (await rig.version("churn")).state == "ready"


async def test_a_ready_version_whose_object_was_deleted_is_missing(rig: Rig) -> None:
    for _ in range(2):
        await rig.upload("churn", ("model.bin", b"bytes"))
    await reconcile(rig.indexer)
    assert (await rig.model("churn")).latest_number == 2
    [pinned] = (await rig.version("churn", 2)).artifacts
    objects = rig.indexer.storage.objects

    await objects.remove(rig.bucket, pinned.key)
    assert repaired(await reconcile(rig.indexer)) == {}, "its version is there, behind a marker"

    await objects.remove(rig.bucket, pinned.key, pinned.object_version)
    assert repaired(await reconcile(rig.indexer)) == {"missing": 1}
    version = await rig.version("churn", 2)
    [reason] = version.reasons
    assert (version.state, reason.code, reason.path) == ("missing", "object_missing", "model.bin")
    assert (await rig.model("churn")).latest_number == 1
    assert await rig.told("churn") == ["created", "created", "ready", "ready", "missing"]
    assert repaired(await reconcile(rig.indexer)) == {}, "it is told once"


async def test_a_missing_version_is_ready_again_with_the_same_object_and_no_other(
    rig: Rig,
) -> None:
    rig.suspend_versions()  # only there can an object come back as it was
    session = await rig.upload("churn", ("model.bin", b"bytes"))
    key = session.files[0].key
    await reconcile(rig.indexer)
    await rig.indexer.storage.objects.remove(rig.bucket, key)
    assert repaired(await reconcile(rig.indexer)) == {"missing": 1}
    assert (await rig.model("churn")).latest_number is None

    rig.put(key, b"other")
    assert repaired(await reconcile(rig.indexer)) == {}
    assert (await rig.version("churn")).state == "missing"

    rig.put(key, b"bytes")
    assert repaired(await reconcile(rig.indexer)) == {"restored": 1}
    version = await rig.version("churn")
    assert (version.state, version.reasons) == ("ready", [])
    assert (await rig.model("churn")).latest_number == 1
    assert await rig.told("churn") == ["created", "ready", "missing", "ready"]


async def test_a_stray_is_counted_and_left_alone(rig: Rig) -> None:
    rig.put("outside-the-rule")
    for _ in range(2):
        assert repaired(await reconcile(rig.indexer)) == {"strays": 1}
    rig.put("churn/1/model.bin")
    await rig.indexer.storage.objects.remove(rig.bucket, "outside-the-rule")
    assert repaired(await reconcile(rig.indexer)) == {"found": 1}, "the stray is gone"


async def test_quarantine_hides_a_stray_past_its_time_and_keeps_its_bytes(
    addresses: Addresses,
) -> None:
    async with opened_rig(addresses, stray_policy="quarantine") as rig:
        key, objects = "outside the rule", rig.indexer.storage.objects
        version = rig.put(key)
        session = await rig.upload("churn", ("model.bin", b"bytes"))
        assert repaired(await reconcile(rig.indexer)) == {"indexed": 1, "strays": 1}
        assert await objects.head(rig.bucket, key) is not None, "it is not past its time"

        await rig.indexer.database.strays.driver.update_many({}, {"$set": {"first_seen_at": PAST}})
        assert repaired(await reconcile(rig.indexer)) == {"strays": 1, "quarantined": 1}
        assert await objects.head(rig.bucket, key) is None
        assert await objects.read(rig.bucket, key, 0, 10, version) == b"bytes"
        assert await objects.head(rig.bucket, session.files[0].key) is not None
        assert repaired(await reconcile(rig.indexer)) == {}

        [marker] = rig.s3.list_object_versions(Bucket=rig.bucket, Prefix=key)["DeleteMarkers"]
        await objects.remove(rig.bucket, key, marker["VersionId"])
        assert repaired(await reconcile(rig.indexer)) == {"strays": 1}, "it was brought back"
        assert await objects.head(rig.bucket, key) is not None


async def test_an_object_that_belongs_to_a_version_by_now_is_not_put_into_quarantine(
    addresses: Addresses,
) -> None:
    async with opened_rig(addresses, stray_policy="quarantine", stray_age_seconds=0) as rig:
        rig.put("churn/1/model.bin")
        await reconcile(rig.indexer)
        await work(rig)
        [artifact] = (await rig.version("churn")).artifacts
        now = await rig.indexer.database.now()
        await rig.indexer.database.strays.insert_one(
            {
                "_id": "stale",
                "bucket": rig.bucket,
                "key": artifact.key,
                "object_version": artifact.object_version,
                "first_seen_at": PAST,
                "last_seen_at": now + timedelta(hours=1),
            }
        )
        assert (await reconcile(rig.indexer)).quarantined == 0
        assert await rig.indexer.storage.objects.head(rig.bucket, artifact.key) is not None


async def everything(rig: Rig) -> list[Any]:
    """All that a comparison might change."""
    database = rig.indexer.database
    collections = (database.versions, database.models, database.outbox, database.strays)
    collections += (database.found_folders,)
    documents = [await each.find().sort([("_id", 1)]).to_list() for each in collections]
    listed = rig.s3.list_object_versions(Bucket=rig.bucket, Prefix="")
    ids = [each["VersionId"] for each in listed["Versions"] + listed.get("DeleteMarkers", [])]
    return [*documents, ids, await database.reports.find().to_list()]


async def test_a_dry_run_tells_what_it_would_do_and_changes_nothing(addresses: Addresses) -> None:
    async with opened_rig(addresses, stray_policy="quarantine", stray_age_seconds=0) as rig:
        await rig.upload("gone", ("model.bin", b"bytes"))
        await reconcile(rig.indexer)
        [gone] = (await rig.version("gone")).artifacts
        await rig.indexer.storage.objects.remove(rig.bucket, gone.key, gone.object_version)
        await rig.upload("lost-event", ("a.bin", b"bytes"), ("b.bin", b"bytes"))
        await expire(rig, await rig.open("over", ("model.bin", b"bytes")))
        rig.put("found/1/", b"")  # shows the folder
        for path in ("a.bin", "b.bin"):
            rig.put(f"found/1/{path}")
        rig.put("outside-the-rule")
        before = await everything(rig)

        told = await reconcile(rig.indexer, dry_run=True)

        assert await everything(rig) == before
        assert repaired(told) == {
            "indexed": 1,
            "found": 1,
            "expired": 1,
            "missing": 1,
            "strays": 1,
        }
        done = await reconcile(rig.indexer)
        assert repaired(done) == {**repaired(told), "quarantined": 1}


async def test_an_absent_bucket_is_an_error_and_marks_nothing_missing(rig: Rig) -> None:
    await rig.upload("churn", ("model.bin", b"bytes"))
    await reconcile(rig.indexer)
    database, absent = rig.indexer.database, f"{rig.bucket}-absent"
    await database.storage_groups.insert_one({"_id": absent})
    await database.versions.update_one({"model": "churn"}, {"$set": {"storage_group": absent}})
    report = await reconcile(rig.indexer)
    assert report.errors == [f"bucket {absent!r} is not there"]
    assert repaired(report) == {"found": 1}, "its object in the other bucket"
    await rig.adopt()
    assert repaired(await reconcile(rig.indexer)) == {"strays": 1}, "its key is the version's"
    assert (await rig.version("churn")).state == "ready"


@pytest.mark.usefixtures("patient")
async def test_two_reconcilers_at_once_double_nothing(rig: Rig) -> None:
    await rig.upload("churn", ("model.bin", b"bytes"))
    rig.put("found/1/model.bin")
    await expire(rig, await rig.open("over", ("model.bin", b"bytes")))
    first, second = await asyncio.gather(reconcile(rig.indexer), reconcile(rig.indexer))
    counts = sorted((first, second), key=lambda report: report.repaired)
    assert [repaired(report) for report in counts] == [{}, {"indexed": 1, "found": 1, "expired": 1}]
    assert await rig.told("churn") == ["created", "ready"]
    assert await rig.told("over") == ["created", "rejected"]


@pytest.mark.usefixtures("patient")
async def test_who_waited_for_a_comparison_that_is_due_does_not_compare_again(rig: Rig) -> None:
    an_hour = timedelta(hours=1)
    reports = await asyncio.gather(*(reconcile_when_due(rig.indexer, an_hour) for _ in range(3)))
    assert [report is None for report in reports].count(False) == 1
    assert await reconcile_when_due(rig.indexer, timedelta()) is not None
    began = await last_comparison_began(rig.indexer.database)
    assert began is not None
    later = began + timedelta(milliseconds=1)
    assert await reconcile_when_due(rig.indexer, an_hour, since=began) is None
    assert await reconcile_when_due(rig.indexer, an_hour, since=later) is not None


async def test_many_objects_are_compared_page_by_page(rig: Rig) -> None:
    rig.switch_events_off()
    paths = [f"{number:03}.bin" for number in range(100)]
    drafts = [draft("churn", *paths, storage_group=rig.bucket) for _ in range(12)]
    records = [await open_version(rig.indexer.database, each) for each in drafts]
    slots = asyncio.Semaphore(32)

    async def put(key: str) -> None:
        request = rig.indexer.storage.urls.put(
            rig.bucket, key, size_bytes=5, sha256=sha256_of(b"bytes"), ttl_seconds=60
        )
        async with slots:
            answer = await rig.http.put(request.url, content=b"bytes", headers=request.headers)
        assert answer.status_code == 200, answer.text

    await asyncio.gather(*(put(each.key) for record in records for each in record.artifacts))
    report = await reconcile(rig.indexer)
    assert (report.objects, report.records, report.indexed) == (1200, 12, 12)
    assert (await rig.model("churn")).latest_number == 12
    assert {(await rig.version("churn", n)).state for n in range(1, 13)} == {"ready"}


async def test_multipart_uploads_that_nobody_will_complete_are_aborted_and_counted(
    rig: Rig,
) -> None:
    multipart = rig.indexer.storage.multipart
    session = await rig.open("parts", ("large.bin", bytes(2 * MIB)))
    key = session.files[0].key
    await multipart.create(rig.bucket, key)
    foreign = await multipart.create(rig.bucket, "somebody/else/s")
    assert repaired(await reconcile(rig.indexer)) == {}, "they may be under way"

    # An earlier release ended sessions without looking for what was not recorded.
    await rig.indexer.database.versions.update_one(
        {"_id": session.version_id}, {"$set": {"state": "rejected", "session.state": "aborted"}}
    )
    told = await reconcile(rig.indexer, dry_run=True)
    assert (repaired(told), told.repaired) == ({"aborted_uploads": 1}, 1)
    assert repaired(await reconcile(rig.indexer)) == {"aborted_uploads": 1}

    old = rig.indexer.settings.model_copy(update={"stray_age_seconds": 0})
    assert repaired(await reconcile(replace(rig.indexer, settings=old))) == {"aborted_uploads": 1}
    await multipart.abort(rig.bucket, "somebody/else/s", foreign)
    assert repaired(await reconcile(rig.indexer)) == {}
