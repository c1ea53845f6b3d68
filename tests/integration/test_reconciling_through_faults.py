"""Faults of one object, name or bucket keep nothing else from being compared."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.indexer.reconcile.round import expire, reconcile
from services.indexer.reconcile.scrub import scrub
from shared.runtime.settings import MIB
from shared.storage.connection import StorageUnavailable
from shared.storage.objects import Objects
from tests.integration.failing_storage import Failing, lose, ready
from tests.integration.rig import Rig, opened_rig
from tests.integration.test_reconciling import expire as let_expire
from tests.integration.test_reconciling import repaired
from tests.support.eventually import eventually
from tests.support.servers import Addresses


@pytest.fixture
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    async with opened_rig(addresses, upload_single_put_max_bytes=MIB) as opened:
        yield opened


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    return Failing(monkeypatch)


async def test_an_object_that_storage_cannot_tell_of_keeps_no_later_model_from_being_compared(
    rig: Rig, failing: Failing
) -> None:
    await ready(rig, "a", "b", "c")
    failing.keys = {await lose(rig, "a")}
    await lose(rig, "c")
    rig.put("b/1/late.bin")
    report = await reconcile(rig.indexer)
    assert repaired(report) == {"missing": 1, "found": 1}
    assert len(report.errors) == 1
    assert (await rig.version("c")).state == "missing"
    assert (await rig.version("a")).state == "ready"


async def test_an_object_that_cannot_be_indexed_keeps_no_other_of_its_page_waiting(
    rig: Rig, failing: Failing
) -> None:
    sessions = [await rig.upload("churn", ("a.bin", b"a")) for _ in range(3)]
    failing.keys = {sessions[1].files[0].key}
    report = await reconcile(rig.indexer)
    assert report.errors
    states = [(await rig.version("churn", number)).state for number in (1, 2, 3)]
    assert states == ["ready", "pending", "ready"]


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
    head = Objects.head

    async def bucket_goes(reader: Objects, bucket: str, key: str, *rest: Any) -> Any:
        if await rig.indexer.storage.buckets.exists(bucket):
            for model in ("a", "b"):
                await lose(rig, model)
            client: Any = rig.s3
            client.delete_bucket(Bucket=bucket)
        return await head(reader, bucket, key, *rest)

    monkeypatch.setattr(Objects, "head", bucket_goes)
    report = await scrub(rig.indexer)
    assert report.missing == 0
    assert report.errors
    assert [(await rig.version(model)).state for model in ("a", "b")] == ["ready", "ready"]


async def test_a_scrub_that_waits_for_its_turn_holds_up_no_event(
    addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, asked = Objects.head, list[str]()

    async def noted(reader: Objects, bucket: str, key: str, *rest: Any) -> Any:
        asked.append(key)
        return await head(reader, bucket, key, *rest)

    async def asks() -> bool | None:
        return "many/1/00.bin" in asked or None

    monkeypatch.setattr(Objects, "head", noted)
    async with opened_rig(addresses, scrub_requests_per_second=1, indexer_concurrency=2) as rig:
        await rig.upload("many", *((f"{number:02}.bin", b"a") for number in range(60)))
        await reconcile(rig.indexer)
        asked.clear()
        await rig.upload("late", ("a.bin", b"a"))
        scrubbing = asyncio.create_task(scrub(rig.indexer))
        try:
            await eventually(asks)
            assert (await reconcile(rig.indexer)).indexed == 1
            assert sum(key.startswith("many/") for key in asked) < 30, "it is not waited for"
        finally:
            scrubbing.cancel()
            await asyncio.gather(scrubbing, return_exceptions=True)


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


async def test_a_stray_that_cannot_be_hidden_keeps_no_other_from_it(
    addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = Objects.remove

    async def refusing(reader: Objects, bucket: str, key: str, *rest: Any) -> None:
        if key == "a":
            raise StorageUnavailable("InternalError")
        await remove(reader, bucket, key, *rest)

    monkeypatch.setattr(Objects, "remove", refusing)
    async with opened_rig(addresses, stray_policy="quarantine", stray_age_seconds=0) as rig:
        for key in ("a", "b"):
            rig.put(key)
        report = await reconcile(rig.indexer)
        assert (report.quarantined, len(report.errors)) == (1, 1)
        assert await rig.indexer.storage.objects.head(rig.bucket, "b") is None
