"""Folders of objects that no upload declared: each becomes one version with all its files."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry.schemas import Reason, UploadRequest
from registry.schemas.uploads import MAX_FILES
from services.indexer.events.bucket_events import ObjectWritten, parse_bucket_event
from services.indexer.events.indexing import Indexed, index_objects
from services.indexer.found import adopter, adoption
from services.indexer.found.adopter import adopt_once
from services.indexer.reconcile.round import reconcile
from services.ingest.uploads.opening import open_upload
from shared.database.found_folders import (
    claim_folders,
    finish_folders,
    list_folders,
    record_folders,
)
from shared.database.lifecycle import reject
from shared.database.opening import open_version
from shared.database.strays import list_strays
from shared.domain.found_folders import FoundFolder, Settling
from shared.domain.records import VersionRecord
from shared.kafka.dead_letters import DeadLetter
from shared.storage.adapter import open_storage
from shared.storage.connection import StorageRefused, StorageUnavailable
from shared.storage.listing import Listing
from shared.storage.manifests import read_manifest
from shared.storage.objects import Objects
from tests.integration.drafts import OWNER, draft
from tests.integration.rig import Rig, opened_rig
from tests.support.api import file_of
from tests.support.servers import Addresses

ATTEMPTS = 3
PAST = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    async with opened_rig(addresses, work_max_attempts=ATTEMPTS) as opened:
        opened.switch_events_off()
        yield opened


async def put(rig: Rig, *keys: str, data: bytes = b"bytes") -> Indexed:
    """Write objects as a plain S3 client does, and hand their events in as one batch."""
    written = [ObjectWritten(rig.bucket, key, rig.put(key, data) or None) for key in keys]
    return await index_objects(written, rig.indexer)


async def strays(rig: Rig) -> dict[str, str]:
    """Codes of what is reported, by key."""
    found = await list_strays(rig.indexer.database, bucket=rig.bucket, after="", limit=5000)
    return {each.stray.key: each.reason.code for _, each in found}


async def queue(rig: Rig) -> list[FoundFolder]:
    return await list_folders(rig.indexer.database, bucket=rig.bucket, after="", limit=1000)


async def make_due(rig: Rig) -> None:
    """Let pauses and leases be over."""
    await rig.indexer.database.found_folders.driver.update_many(
        {"due_at": {"$exists": True}}, {"$set": {"due_at": PAST}}
    )


def paths(record: VersionRecord) -> list[str]:
    return [artifact.path for artifact in record.artifacts]


async def test_a_folder_becomes_one_version_with_all_its_files(rig: Rig) -> None:
    await put(rig, "churn/3/a.bin", "churn/3/deep/b.bin")
    await put(rig, "churn/3/c.bin")
    await rig.adopt()
    version = await rig.version("churn", 3)
    assert (version.state, version.source, version.size_bytes) == ("verifying", "object", 15)
    assert paths(version) == ["a.bin", "c.bin", "deep/b.bin"]
    assert version.work is not None
    assert version.work.kind == "verify"
    assert await rig.told("churn") == ["created"]
    assert (await queue(rig), await strays(rig)) == ([], {})


async def test_a_batch_asks_storage_for_nothing_and_writes_one_document_a_folder(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = [ObjectWritten(rig.bucket, f"churn/1/{n}.bin", "v") for n in range(300)]

    async def asked(*_: Any) -> None:
        pytest.fail("storage was asked")

    monkeypatch.setattr(Objects, "head", asked)
    indexed = await index_objects(written, rig.indexer)
    assert (indexed.folders, indexed.has_work) == (1, True)
    await index_objects(written, rig.indexer)
    [folder] = await queue(rig)
    assert (folder.prefix, folder.attempts) == ("churn/1/", 0)
    await rig.adopt()
    assert await queue(rig) == [], "the objects are gone: nothing is left to adopt"


async def test_folders_are_adopted_together_and_labels_never_take_a_number_that_is_asked_for(
    rig: Rig,
) -> None:
    await put(rig, *(f"churn/{name}/w.bin" for name in ("1.0", "1", "2", "beta")))
    await put(rig, *(f"model-{n}/1/w.bin" for n in range(20)))
    await rig.adopt()
    versions = [await rig.version("churn", number) for number in range(1, 5)]
    assert [each.label for each in versions] == [None, None, "1.0", "beta"]
    assert (await rig.model("churn")).version_count == 4
    for n in range(20):
        assert paths(await rig.version(f"model-{n}")) == ["w.bin"]
    assert await strays(rig) == {}


async def test_a_label_takes_no_number_that_a_folder_waits_for(rig: Rig) -> None:
    """It waits longer, as one does whose adopter died or whose files still come."""
    await put(rig, *(f"churn/{name}/w.bin" for name in ("1.0", "1", "7")))
    await put(rig, "churns/9/w.bin")
    late = {"prefix": {"$in": ["churn/1/", "churn/7/", "churns/9/"]}}
    folders = rig.indexer.database.found_folders.driver
    await folders.update_many(late, {"$set": {"due_at": datetime(2100, 1, 1, tzinfo=UTC)}})
    await rig.adopt()
    assert (await rig.version("churn", 8)).label == "1.0"
    await make_due(rig)
    await rig.adopt()
    for number in (1, 7):
        assert (await rig.version("churn", number)).label is None
    assert (await rig.version("churns", 9)).label is None
    assert (await queue(rig), await strays(rig)) == ([], {})


async def test_a_folder_waits_until_nothing_more_comes_but_not_for_ever(
    addresses: Addresses,
) -> None:
    hour = timedelta(hours=1)
    seconds = {"found_settle_seconds": 3600, "found_longest_seconds": 5 * 3600}
    async with opened_rig(addresses, **seconds) as rig:
        folders = rig.indexer.database.found_folders.driver
        settling = Settling(hour, 5 * hour)

        async def claim() -> list[FoundFolder]:
            return await claim_folders(rig.indexer.database, "token", hour, settling, most=10)

        async def seen(first: timedelta, last: timedelta) -> None:
            now = await rig.indexer.database.now()
            times = {"first_seen_at": now - first, "last_seen_at": now - last, "due_at": PAST}
            await folders.update_many({}, {"$set": times})

        await put(rig, "churn/1/a.bin")
        assert await claim() == [], "an object has just come"
        await seen(3 * hour, hour / 2)
        assert await claim() == [], "another one came half an hour ago"
        [put_off] = await queue(rig)
        assert put_off.due_at == put_off.last_seen_at + hour
        await seen(5 * hour, hour / 2)
        assert len(await claim()) == 1, "it has waited for as long as any folder may"
        await seen(3 * hour, hour)
        assert len(await claim()) == 1, "nothing came for an hour"


async def test_what_a_process_with_a_slow_clock_sees_meanwhile_keeps_a_folder_in_the_queue(
    rig: Rig,
) -> None:
    """Each process knows the server's time only about: it asks for it once a minute."""
    database, at_once = rig.indexer.database, Settling(timedelta(), timedelta())
    place = {(rig.bucket, "churn/1/"): "churn/1/a"}
    await record_folders(database, place, at_once)
    ahead = {"$set": {"last_seen_at": await database.now() + timedelta(seconds=1)}}
    await database.found_folders.driver.update_many({}, ahead)
    lease = timedelta(minutes=1)
    taken = await claim_folders(database, "token", lease, at_once, most=1)
    await record_folders(database, place, at_once)
    await finish_folders(database, taken, "token", at_once)
    assert len(await queue(rig)) == 1, "an object came after its folder was listed"


async def test_what_comes_while_a_folder_is_adopted_keeps_it_in_the_queue(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = adoption.report_strays

    async def report(*arguments: Any) -> None:
        monkeypatch.undo()
        await put(rig, "churn/1/late.bin")
        await original(*arguments)

    await put(rig, "churn/1/a.bin")
    monkeypatch.setattr(adoption, "report_strays", report)
    await rig.adopt()
    assert paths(await rig.version("churn")) == ["a.bin"]
    assert await strays(rig) == {"churn/1/late.bin": "came_after_adoption"}
    assert await queue(rig) == []


async def test_an_object_that_comes_after_the_adoption_is_reported_and_changes_nothing(
    rig: Rig,
) -> None:
    await put(rig, "churn/1/a.bin", "churn/1.0/a.bin")
    await rig.adopt()
    await put(rig, "churn/1/late.bin", "churn/1.0/late.bin")
    await rig.adopt()
    late = {"churn/1/late.bin": "came_after_adoption", "churn/1.0/late.bin": "came_after_adoption"}
    assert await strays(rig) == late
    assert [paths(await rig.version("churn", number)) for number in (1, 2)] == [["a.bin"]] * 2
    assert (await put(rig, "other/1/a.bin")).folders == 1
    told = await index_objects(
        [ObjectWritten(rig.bucket, "churn/1/late.bin", await _version_of(rig, "churn/1/late.bin"))],
        rig.indexer,
    )
    assert told.folders == 0, "its report is final: nobody looks again"


async def _version_of(rig: Rig, key: str) -> str | None:
    found = await rig.indexer.storage.objects.head(rig.bucket, key)
    return found.object_version if found else None


async def test_empty_objects_and_markers_hold_up_no_folder(rig: Rig) -> None:
    await put(rig, "churn/", "churn/1/", "churn/1/sub/", "churn/1/_SUCCESS", data=b"")
    await rig.adopt()
    assert await strays(rig) == {"churn/1/_SUCCESS": "empty_object"}
    await put(rig, "churn/1/sub/w.bin")
    await rig.adopt()
    assert paths(await rig.version("churn")) == ["sub/w.bin"]


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("churn/2147483647/w.bin", "number_too_high"),
        ("churn/1000000001/w.bin", "number_too_high"),
        ("churn/00007/w.bin", "outside_key_rule"),
        ("churn/w.bin", "outside_key_rule"),
    ],
)
async def test_a_key_that_can_be_of_no_version_is_reported_at_once(
    rig: Rig, key: str, code: str
) -> None:
    assert (await put(rig, key)).folders == 0
    assert await strays(rig) == {key: code}
    opened = await rig.open("churn", ("model.bin", b"bytes"))
    assert opened.number == 1


async def test_a_number_leaves_room_for_those_that_follow(rig: Rig) -> None:
    await put(rig, "churn/1000000000/w.bin")
    await rig.adopt()
    assert (await rig.open("churn", ("model.bin", b"bytes"))).number == 1_000_000_001


async def test_a_folder_of_more_files_than_a_version_may_have_is_reported_as_a_folder(
    rig: Rig,
) -> None:
    keys = [f"churn/1/{n:04}.bin" for n in range(MAX_FILES + 1)]
    await asyncio.gather(*(asyncio.to_thread(rig.put, key) for key in keys))
    assert (await reconcile(rig.indexer, dry_run=True)).found == 1
    assert (await reconcile(rig.indexer)).found == 1
    await rig.adopt()
    assert await strays(rig) == {"churn/1/": "too_many_files"}
    for dry_run in (True, False):
        report = await reconcile(rig.indexer, dry_run=dry_run)
        assert (report.found, report.strays) == (0, 1)
    await rig.indexer.storage.objects.remove(rig.bucket, keys[0])
    await rig.adopt()
    assert len((await rig.version("churn")).artifacts) == MAX_FILES
    assert await strays(rig) == {}, "its report is not true any more"


@pytest.mark.parametrize("label", ["1", "1.0"])
async def test_an_upload_that_took_the_name_first_makes_strays_of_the_folder(
    rig: Rig, label: str
) -> None:
    await put(rig, f"churn/{label}/a.bin", f"churn/{label}/b.bin")
    request = {"model": "churn", "version": label, "files": [file_of("model.bin", b"declared")]}
    await open_upload(UploadRequest.model_validate(request), None, OWNER, rig.ingest)
    await rig.adopt()
    taken = {f"churn/{label}/{name}.bin": "version_exists" for name in "ab"}
    assert await strays(rig) == taken
    assert paths(await rig.version("churn")) == ["model.bin"]
    assert await queue(rig) == []


async def test_a_folder_is_adopted_once_the_upload_that_had_its_label_is_rejected(
    rig: Rig,
) -> None:
    held = await open_version(rig.indexer.database, draft("churn", label="1.0"))
    await put(rig, "churn/1.0/a.bin")
    await rig.adopt()
    assert await strays(rig) == {"churn/1.0/a.bin": "version_exists"}
    assert (await reconcile(rig.indexer)).found == 0, "it is known"
    aborted = Reason(code="upload_aborted", detail="it was aborted")
    await reject(rig.indexer.database, held.id, aborted, session_state="aborted")
    await reconcile(rig.indexer)
    await rig.adopt()
    assert (await rig.version("churn", 2)).label == "1.0"
    assert await strays(rig) == {}


async def test_an_object_that_an_upload_declares_meanwhile_is_that_uploads(rig: Rig) -> None:
    await put(rig, "churn/1/model.bin", data=b"declared")
    session = await rig.open("churn", ("model.bin", b"declared"))
    assert session.files[0].key == "churn/1/model.bin"
    await rig.adopt()
    version = await rig.version("churn")
    assert (version.source, version.state) == ("upload", "verifying")
    assert (await queue(rig), await strays(rig)) == ([], {})


async def test_a_manifest_that_could_not_be_written_is_written_later(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: Any) -> None:
        raise StorageRefused("EntityTooLarge", "refused")

    async def manifest() -> VersionRecord | None:
        return await read_manifest("churn", 1, rig.indexer.storage, rig.indexer.settings)

    await put(rig, "churn/1/a.bin")
    monkeypatch.setattr(Objects, "put_once", refused)
    assert await adopt_once(rig.indexer, _fail, lambda: None)
    assert (await rig.version("churn")).state == "verifying"
    assert await manifest() is None
    monkeypatch.undo()
    await make_due(rig)
    await rig.adopt()
    kept = await manifest()
    assert kept is not None
    assert paths(kept) == ["a.bin"]
    assert await rig.told("churn") == ["created"], "it was not opened a second time"
    assert await queue(rig) == []


async def _fail(letter: DeadLetter) -> None:
    pytest.fail(f"given up: {letter.headers['reason']}")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The folders of the model `bad` cannot be listed, though storage answers."""
    original = Listing.pages

    def pages(self: Listing, bucket: str, **options: Any) -> Any:
        if options.get("prefix") == "bad/1/":
            raise StorageUnavailable("the disk is broken")
        return original(self, bucket, **options)

    monkeypatch.setattr(Listing, "pages", pages)
    return monkeypatch


async def test_a_folder_that_fails_holds_up_no_other_and_becomes_a_dead_letter(
    rig: Rig, broken: pytest.MonkeyPatch
) -> None:
    letters: list[DeadLetter] = []

    async def bury(letter: DeadLetter) -> None:
        letters.append(letter)

    await put(rig, "bad/1/a.bin", "good/1/a.bin")
    for _ in range(ATTEMPTS):
        await make_due(rig)
        assert await adopt_once(rig.indexer, bury, lambda: None)
    assert paths(await rig.version("good")) == ["a.bin"]
    [folder] = await queue(rig)
    assert folder.failure is not None
    assert (folder.failure.code, folder.due_at) == ("adoption_failed", None)
    assert "the disk is broken" in folder.failure.detail
    await make_due(rig)
    assert not await adopt_once(rig.indexer, bury, lambda: None), "it is out of the queue"
    assert (await reconcile(rig.indexer)).found == 0, "it waits for an operator"

    broken.undo()
    [letter] = letters
    await index_objects(parse_bucket_event(letter.value), rig.indexer)
    await rig.adopt()
    assert paths(await rig.version("bad")) == ["a.bin"]


async def test_a_replayed_letter_brings_a_folder_back_whose_version_was_opened(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters: list[DeadLetter] = []

    async def bury(letter: DeadLetter) -> None:
        letters.append(letter)

    async def refused(*_: Any) -> None:
        raise StorageRefused("EntityTooLarge", "refused")

    await put(rig, "churn/1/a.bin")
    monkeypatch.setattr(Objects, "put_once", refused)
    for _ in range(ATTEMPTS):
        await make_due(rig)
        assert await adopt_once(rig.indexer, bury, lambda: None)
    monkeypatch.undo()
    await index_objects(parse_bucket_event(letters[0].value), rig.indexer)
    await rig.adopt()
    assert await queue(rig) == []
    kept = await read_manifest("churn", 1, rig.indexer.storage, rig.indexer.settings)
    assert kept is not None


async def test_a_folder_that_ends_the_process_is_taken_alone_by_and_by(rig: Rig) -> None:
    await put(rig, "bad/1/a.bin", "good/1/a.bin")
    at_once = Settling(timedelta(), timedelta())

    async def die(most: int = 50) -> list[str]:
        taken = await claim_folders(
            rig.indexer.database, "dead", timedelta(seconds=-1), at_once, most=most
        )
        return [each.prefix for each in taken]

    together = sorted(await die())
    assert together == ["bad/1/", "good/1/"]
    assert sorted(await die()) == together
    assert len(await die()) == 1


async def test_two_adopters_at_once_make_one_version_of_each_folder(rig: Rig) -> None:
    await put(rig, *(f"churn/{n}/{name}.bin" for n in range(1, 31) for name in "ab"))
    await asyncio.gather(*(rig.adopt() for _ in range(3)))
    await rig.adopt()
    for n in range(1, 31):
        assert paths(await rig.version("churn", n)) == ["a.bin", "b.bin"]
    assert (await strays(rig), await queue(rig)) == ({}, [])


async def test_who_has_lost_the_lease_opens_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It listed the folder before it was frozen; another one has taken it, and will list more."""
    original = adoption.open_versions
    at_once, hour = Settling(timedelta(), timedelta()), timedelta(hours=1)

    async def frozen(*arguments: Any, **options: Any) -> Any:
        monkeypatch.undo()
        await put(rig, "churn/1/b.bin")
        await make_due(rig)
        assert await claim_folders(rig.indexer.database, "other", hour, at_once, most=1)
        return await original(*arguments, **options)

    await put(rig, "churn/1/a.bin")
    monkeypatch.setattr(adoption, "open_versions", frozen)
    await rig.adopt()
    assert await rig.told("churn") == [], "it opened nothing"
    assert [folder.attempts for folder in await queue(rig)] == [2]
    await make_due(rig)
    await rig.adopt()
    assert paths(await rig.version("churn")) == ["a.bin", "b.bin"]
    assert (await rig.told("churn"), await strays(rig)) == (["created"], {})


async def test_an_adopter_that_is_stopped_gives_its_folders_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopting = asyncio.Event()

    async def adopt_for_ever(*_: Any) -> bool:
        adopting.set()
        await asyncio.Event().wait()
        return False

    await put(rig, "churn/1/a.bin")
    monkeypatch.setattr(adopter, "adopt_folders", adopt_for_ever)
    working = asyncio.create_task(adopt_once(rig.indexer, _fail, lambda: None))
    await adopting.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    monkeypatch.undo()
    assert [folder.attempts for folder in await queue(rig)] == [0]
    assert await adopt_once(rig.indexer, _fail, lambda: None), "it is due at once"


async def test_while_storage_is_away_no_folder_is_taken(rig: Rig) -> None:
    await put(rig, "churn/1/a.bin")
    before = await queue(rig)
    away = rig.indexer.settings.model_copy(update={"minio_endpoint": "127.0.0.1:9"})
    async with open_storage(away) as storage:
        context = type(rig.indexer).create(away, rig.indexer.database, storage)
        with pytest.raises(StorageUnavailable):
            await adopt_once(context, _fail, lambda: None)
    assert await queue(rig) == before
