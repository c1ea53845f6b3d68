"""Faults of one object, name or bucket keep nothing else from being compared."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.indexer.reconcile import model_walk, pace
from services.indexer.reconcile.round import expire, reconcile, reconcile_when_due
from services.indexer.reconcile.scrub import scrub
from shared.database.errors import DatabaseUnavailable
from shared.database.reports import SCRUB, find_place
from shared.database.versions import Versions
from shared.runtime.settings import MIB
from shared.storage.buckets import Buckets
from shared.storage.connection import StorageUnavailable
from shared.storage.listing import Listing
from shared.storage.objects import ObjectReader
from tests.integration.rig import Rig, opened_rig
from tests.integration.test_reconciling import expire as let_expire
from tests.integration.test_reconciling import repaired
from tests.support.eventually import eventually
from tests.support.servers import Addresses

HOUR = timedelta(hours=1)


@pytest.fixture
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    async with opened_rig(addresses, upload_single_put_max_bytes=MIB) as opened:
        yield opened


class Failing:
    """Storage that fails at the questions about some keys and prefixes, or goes away at one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys: set[str] = set()
        self.prefixes: set[str] = set()
        self.away_at = "-"
        """The prefix at whose listing it goes away."""
        self.is_away = False
        self.denied: set[str] = set()
        """Buckets that are not ours to look at any more."""
        self.listed: list[str] = []
        head, versions, exists = ObjectReader.head, Listing.versions, Buckets.exists

        async def failing_exists(buckets: Buckets, bucket: str) -> bool:
            if self.is_away or bucket in self.denied:
                raise StorageUnavailable("AccessDenied")
            return await exists(buckets, bucket)

        async def failing_head(reader: ObjectReader, bucket: str, key: str, *rest: Any) -> Any:
            if key in self.keys:
                raise StorageUnavailable("InternalError")
            return await head(reader, bucket, key, *rest)

        async def failing_versions(
            listing: Listing, bucket: str, *, prefix: str = "", **options: Any
        ) -> AsyncIterator[Any]:
            self.listed.append(prefix)
            self.is_away = prefix == self.away_at
            if prefix in self.prefixes or self.is_away:
                raise StorageUnavailable("InternalError")
            async for page in versions(listing, bucket, prefix=prefix, **options):
                yield page

        monkeypatch.setattr(ObjectReader, "head", failing_head)
        monkeypatch.setattr(Listing, "versions", failing_versions)
        monkeypatch.setattr(Buckets, "exists", failing_exists)

    def come_back(self) -> None:
        self.away_at, self.is_away, self.listed = "-", False, []


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    return Failing(monkeypatch)


async def ready(rig: Rig, *models: str) -> None:
    for model in models:
        await rig.upload(model, ("a.bin", b"a"))
    assert repaired(await reconcile(rig.indexer)) == {"indexed": len(models)}


async def lose(rig: Rig, model: str) -> str:
    """Remove the object of a ready version; returns its key."""
    [lost] = (await rig.version(model)).artifacts
    await rig.indexer.storage.objects.remove(rig.bucket, lost.key, lost.object_version)
    return lost.key


async def test_an_object_that_storage_cannot_tell_of_keeps_no_later_model_from_being_compared(
    rig: Rig, failing: Failing
) -> None:
    await ready(rig, "a", "b", "c")
    failing.keys = {await lose(rig, "a")}
    await lose(rig, "c")
    rig.put("b/1/late.bin")
    report = await reconcile(rig.indexer)
    assert repaired(report) == {"missing": 1, "strays": 1}
    assert len(report.errors) == 1
    assert (await rig.version("c")).state == "missing"
    assert (await rig.version("a")).state == "ready"


async def test_an_object_that_cannot_be_indexed_keeps_no_other_of_its_page_waiting(
    rig: Rig, failing: Failing
) -> None:
    for name in ("a", "b", "c"):
        rig.put(f"found/{ord(name)}/{name}")
    failing.keys = {f"found/{ord('b')}/b"}
    report = await reconcile(rig.indexer)
    assert report.errors
    assert [(await rig.version("found", ord(name))).state for name in "ac"] == ["verifying"] * 2


async def test_a_model_that_cannot_be_listed_is_told_and_the_others_are_compared(
    rig: Rig, failing: Failing
) -> None:
    await ready(rig, "a", "b")
    failing.prefixes = {"a/"}
    await lose(rig, "b")
    report = await reconcile(rig.indexer)
    assert repaired(report) == {"missing": 1}
    assert len(report.errors) == 1


async def test_a_bucket_that_is_denied_is_told_and_the_others_are_compared(
    rig: Rig, failing: Failing
) -> None:
    await ready(rig, "a")
    denied = f"{rig.bucket}-denied"
    await rig.indexer.groups.provision(denied)
    failing.denied = {denied}
    await lose(rig, "a")
    over = await rig.open("over", ("a.bin", b"a"))
    await let_expire(rig, over)
    await expire(rig.indexer)
    assert (await rig.version("over")).state == "rejected"
    report = await reconcile(rig.indexer)
    assert repaired(report) == {"missing": 1}
    assert len(report.errors) == 1
    failing.denied = {denied, rig.bucket}
    with pytest.raises(StorageUnavailable):  # our own: rather all is denied to us
        await reconcile(rig.indexer)


async def test_a_scrub_goes_on_after_an_object_that_storage_cannot_tell_of(
    rig: Rig, failing: Failing
) -> None:
    await ready(rig, "a", "b")
    failing.keys = {(await rig.version("a")).artifacts[0].key}
    await lose(rig, "b")
    report = await scrub(rig.indexer)
    assert (report.missing, len(report.errors)) == (1, 1)


async def test_an_upload_that_is_over_and_cannot_be_looked_at_keeps_no_other_open(
    rig: Rig, failing: Failing
) -> None:
    sessions = [await rig.open(model, ("a.bin", b"a")) for model in ("a", "b")]
    for session in sessions:
        await let_expire(rig, session)
    failing.keys = {sessions[0].files[0].key}
    await expire(rig.indexer)
    assert [(await rig.version(model)).state for model in ("a", "b")] == ["pending", "rejected"]


async def test_a_bucket_that_goes_while_a_scrub_is_under_way_marks_nothing_missing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(rig, "a", "b")
    head = ObjectReader.head

    async def bucket_goes(reader: ObjectReader, bucket: str, key: str, *rest: Any) -> Any:
        if await rig.indexer.storage.buckets.exists(bucket):
            for model in ("a", "b"):
                await lose(rig, model)
            client: Any = rig.s3
            client.delete_bucket(Bucket=bucket)
        return await head(reader, bucket, key, *rest)

    monkeypatch.setattr(ObjectReader, "head", bucket_goes)
    report = await scrub(rig.indexer)
    assert report.missing == 0
    assert report.errors
    assert [(await rig.version(model)).state for model in ("a", "b")] == ["ready", "ready"]


async def test_a_scrub_that_waits_for_its_turn_holds_up_no_event(
    addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, asked = ObjectReader.head, list[str]()

    async def noted(reader: ObjectReader, bucket: str, key: str, *rest: Any) -> Any:
        asked.append(key)
        return await head(reader, bucket, key, *rest)

    async def asks() -> bool | None:
        return "many/1/00.bin" in asked or None

    monkeypatch.setattr(ObjectReader, "head", noted)
    async with opened_rig(addresses, scrub_requests_per_second=1, indexer_concurrency=2) as rig:
        await rig.upload("many", *((f"{number:02}.bin", b"a") for number in range(60)))
        await reconcile(rig.indexer)
        await rig.upload("late", ("a.bin", b"a"))
        scrubbing = asyncio.create_task(scrub(rig.indexer))
        try:
            await eventually(asks)
            assert (await reconcile(rig.indexer)).indexed == 1
            assert not scrubbing.done(), "it is not waited for"
        finally:
            scrubbing.cancel()
            await asyncio.gather(scrubbing, return_exceptions=True)


async def test_names_after_an_object_at_the_root_are_not_left_out_when_a_round_goes_on(
    rig: Rig, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "STEPS", 1)
    rig.put("zzz")
    for name in ("b", "c"):
        rig.put(f"{name}/1/model.bin")
    failing.away_at = "b/"
    with pytest.raises(StorageUnavailable):
        await reconcile_when_due(rig.indexer, timedelta())
    failing.come_back()
    report = await reconcile_when_due(rig.indexer, HOUR)
    assert report is not None
    assert (await rig.version("b")).state == "verifying"
    assert (await rig.version("c")).state == "verifying"
    assert report.strays == 1


async def test_an_object_is_counted_once_though_it_makes_a_model(rig: Rig) -> None:
    rig.put("found/1/model.bin")
    assert (await reconcile(rig.indexer, dry_run=True)).objects == 1
    assert (await reconcile(rig.indexer)).objects == 1


async def test_a_dry_run_tells_once_of_uploads_that_are_over(rig: Rig) -> None:
    whole = await rig.upload("whole", ("a.bin", b"a"))
    half = await rig.open("half", ("a.bin", b"a"), ("b.bin", b"b"))
    put = half.files[0].put
    assert put is not None
    await rig.http.put(put.url, content=b"a", headers=put.headers)
    partly = await rig.upload("partly", ("a.bin", b"a"), ("b.bin", b"b"))
    for session in (whole, half, partly):
        await let_expire(rig, session)
    told = await reconcile(rig.indexer, dry_run=True)
    assert repaired(told) == repaired(await reconcile(rig.indexer))


async def test_a_bucket_that_is_new_when_a_round_goes_on_begins_nothing_else_anew(
    rig: Rig, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "STEPS", 1)
    await ready(rig, "a", "b", "c")
    failing.away_at = "c/"
    with pytest.raises(StorageUnavailable):
        await reconcile_when_due(rig.indexer, timedelta())
    failing.come_back()
    await rig.indexer.groups.provision(f"{rig.bucket}-0")
    report = await reconcile_when_due(rig.indexer, HOUR)
    assert report is not None
    assert (report.objects, report.records) == (3, 3)
    assert failing.listed == ["c/", "c/"], "in both buckets"


@pytest.fixture
def always_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The place is kept as if each step took long."""
    monkeypatch.setattr(pace, "KEEP_SECONDS", 0.0)


@pytest.mark.usefixtures("always_kept")
async def test_a_scrub_goes_on_within_the_model_that_it_was_cut_off_in(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(rig, "a", "m", "m", "m")
    head, asked, away = ObjectReader.head, list[str](), ["m/3/a.bin"]

    async def cut_off(reader: ObjectReader, bucket: str, key: str, *rest: Any) -> Any:
        asked.append(key)
        if key in away:
            raise DatabaseUnavailable("it is away")
        return await head(reader, bucket, key, *rest)

    monkeypatch.setattr(ObjectReader, "head", cut_off)
    with pytest.raises(DatabaseUnavailable):
        await scrub(rig.indexer)
    assert await find_place(rig.indexer.database, SCRUB) is not None
    away.clear()
    asked.clear()
    report = await scrub(rig.indexer)
    assert asked == ["m/3/a.bin"]
    assert report.records == 4, "each counted once"
    assert await find_place(rig.indexer.database, SCRUB) is None


@pytest.mark.usefixtures("always_kept")
async def test_a_round_goes_on_within_a_large_model(
    rig: Rig, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_walk, "WINDOW_ARTIFACTS", 1)
    monkeypatch.setattr(model_walk, "PAGE", 1)
    monkeypatch.setattr(model_walk, "PAGE_OF_SMALL", 1)
    await ready(rig, "m", "m", "m")
    rig.put("m/2/late.bin")
    placed_of = Versions.placed_of

    async def cut_off(versions: Versions, model: str, *, after: int, limit: int) -> Any:
        if after == 2 and failing.away_at == "m":
            raise DatabaseUnavailable("it is away")
        return await placed_of(versions, model, after=after, limit=limit)

    monkeypatch.setattr(Versions, "placed_of", cut_off)
    failing.away_at = "m"
    with pytest.raises(DatabaseUnavailable):
        await reconcile_when_due(rig.indexer, timedelta())
    failing.come_back()
    report = await reconcile_when_due(rig.indexer, HOUR)
    assert report is not None
    assert failing.listed == ["m/", "m/"], "the third version, and what is above it"
    assert (report.objects, report.records, report.strays) == (4, 3, 1)


async def test_what_few_large_versions_take_in_memory_is_bounded(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[int] = []
    placed_of = Versions.placed_of

    async def noted(versions: Versions, model: str, *, after: int, limit: int) -> Any:
        limits.append(limit)
        return await placed_of(versions, model, after=after, limit=limit)

    monkeypatch.setattr(Versions, "placed_of", noted)
    monkeypatch.setattr(model_walk, "PAGE", 2)
    monkeypatch.setattr(model_walk, "FEW_FILES", 1)
    for _ in range(4):
        await rig.upload("large", ("a.bin", b"a"), ("b.bin", b"b"))
    for _ in range(4):
        await rig.upload("small", ("a.bin", b"a"))
    assert (await reconcile(rig.indexer)).records == 8
    assert limits == [2, 2, 2, 2, model_walk.PAGE_OF_SMALL]


async def test_a_stray_that_cannot_be_hidden_keeps_no_other_from_it(
    addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = ObjectReader.remove

    async def refusing(reader: ObjectReader, bucket: str, key: str, *rest: Any) -> None:
        if key == "a":
            raise StorageUnavailable("InternalError")
        await remove(reader, bucket, key, *rest)

    monkeypatch.setattr(ObjectReader, "remove", refusing)
    async with opened_rig(addresses, stray_policy="quarantine", stray_age_seconds=0) as rig:
        for key in ("a", "b"):
            rig.put(key)
        report = await reconcile(rig.indexer)
        assert (report.quarantined, len(report.errors)) == (1, 1)
        assert await rig.indexer.storage.objects.head(rig.bucket, "b") is None
