"""A comparison costs listings, not a question for each object, and goes on where it was cut off."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.reconcile import model_walk, pace, untold
from services.indexer.reconcile.report import Report
from services.indexer.reconcile.round import expire, reconcile, reconcile_when_due
from services.indexer.reconcile.scrub import scrub
from shared.database.reports import UNDER_WAY, find_place
from shared.runtime.settings import MIB
from shared.storage.buckets import Buckets
from shared.storage.connection import StorageUnavailable
from shared.storage.listing import Listing
from shared.storage.objects import Objects
from tests.integration.rig import Rig, opened_rig
from tests.integration.test_reconciling import expire as let_expire
from tests.integration.test_reconciling import repaired
from tests.support.servers import Addresses

MODELS = 6
HOUR = timedelta(hours=1)


@pytest.fixture
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    """Six models of two ready versions each."""
    async with opened_rig(addresses, upload_single_put_max_bytes=MIB) as opened:
        for number in range(MODELS):
            for _ in range(2):
                await opened.upload(f"model{number}", ("a.bin", b"a"), ("b.bin", b"b"))
        assert repaired(await reconcile(opened.indexer)) == {"indexed": 2 * MODELS}
        yield opened


class Asked:
    """Counts what storage is asked; it may go away at the listing of a prefix."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.heads: list[str] = []
        self.prefixes: list[str] = []
        self.away_for = ""
        self.is_away = False
        head, versions, exists = Objects.head, Listing.versions, Buckets.exists

        async def exists_unless_away(buckets: Buckets, bucket: str) -> bool:
            if self.is_away and self.away_for:
                raise StorageUnavailable("it is away")
            return await exists(buckets, bucket)

        async def counted_head(reader: Objects, bucket: str, key: str, *rest: Any) -> Any:
            self.heads.append(key)
            return await head(reader, bucket, key, *rest)

        async def counted_versions(
            listing: Listing, bucket: str, *, prefix: str = "", size: int = 500
        ) -> AsyncIterator[Any]:
            self.prefixes.append(prefix)
            if self.away_for and prefix == self.away_for:
                self.is_away = True
                raise StorageUnavailable("it is away")
            async for page in versions(listing, bucket, prefix=prefix, size=size):
                yield page

        monkeypatch.setattr(Objects, "head", counted_head)
        monkeypatch.setattr(Listing, "versions", counted_versions)
        monkeypatch.setattr(Buckets, "exists", exists_unless_away)


@pytest.fixture
def asked(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setattr(pace, "STEPS", 1)
    return Asked(monkeypatch)


async def test_objects_that_a_listing_tells_of_are_not_asked_for(rig: Rig, asked: Asked) -> None:
    report = await reconcile(rig.indexer)
    assert (report.objects, report.records, repaired(report)) == (4 * MODELS, 2 * MODELS, {})
    assert asked.heads == []
    assert asked.prefixes == [f"model{number}/" for number in range(MODELS)]


async def test_only_what_a_listing_lacks_is_asked_for(rig: Rig, asked: Asked) -> None:
    lost = await rig.version("model3", 2)
    artifact = lost.artifacts[1]
    await rig.indexer.storage.objects.remove(rig.bucket, artifact.key, artifact.object_version)
    assert repaired(await reconcile(rig.indexer)) == {"missing": 1}
    assert sorted(asked.heads) == [each.key for each in lost.artifacts]


async def test_windows_of_a_large_model_find_what_one_window_finds(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_walk, "WINDOW_ARTIFACTS", 2)
    monkeypatch.setattr(model_walk, "PAGE", 1)
    rig.put("model0/1/late.bin")
    lost = (await rig.version("model0", 2)).artifacts[0]
    await rig.indexer.storage.objects.remove(rig.bucket, lost.key, lost.object_version)
    report = await reconcile(rig.indexer)
    assert repaired(report) == {"missing": 1, "found": 1}
    await rig.adopt()
    assert repaired(await reconcile(rig.indexer)) == {"strays": 1}
    assert report.objects == 4 * MODELS


async def test_a_comparison_that_was_cut_off_goes_on_after_the_last_model(
    rig: Rig, asked: Asked
) -> None:
    asked.away_for = "model3/"
    with pytest.raises(StorageUnavailable):
        await reconcile_when_due(rig.indexer, timedelta())
    assert await find_place(rig.indexer.database, UNDER_WAY) is not None

    asked.away_for, asked.prefixes = "", []
    report = await reconcile_when_due(rig.indexer, HOUR)
    assert report is not None, "one that was cut off is due at once"
    assert asked.prefixes == ["model3/", "model4/", "model5/"]
    assert (report.objects, report.records) == (4 * MODELS, 2 * MODELS), "each counted once"
    assert await reconcile_when_due(rig.indexer, HOUR) is None


async def test_an_operators_comparison_begins_at_the_beginning(rig: Rig, asked: Asked) -> None:
    asked.away_for = "model3/"
    with pytest.raises(StorageUnavailable):
        await reconcile(rig.indexer)
    asked.away_for, asked.prefixes = "", []
    assert (await reconcile(rig.indexer)).records == 2 * MODELS
    assert len(asked.prefixes) == MODELS
    assert await find_place(rig.indexer.database, UNDER_WAY) is None


async def test_an_object_that_brings_out_a_defect_is_told_and_the_others_go_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = untold.index_objects

    async def broken(written: list[ObjectWritten], context: Any, **options: Any) -> Any:
        if any(each.key == "other/1/bad" for each in written):
            raise ValueError("a defect")
        return await index(written, context, **options)

    monkeypatch.setattr(untold, "index_objects", broken)
    for name in ("bad", "good"):
        rig.put(f"other/1/{name}")
    await rig.upload("zeta", ("a.bin", b"a"))
    report = await reconcile(rig.indexer)
    [told] = set(report.errors)
    assert "other/1/bad" in told
    assert "a defect" in told
    assert (await rig.version("zeta")).state == "ready"


def test_a_report_tells_the_first_errors_and_counts_the_others() -> None:
    report = Report.model_validate({"started_at": "2026-01-01T00:00:00Z"})
    for number in range(250):
        report.add_error(str(number) * 5000)
    assert len(report.errors) + report.further_errors == 250
    assert sum(map(len, report.errors)) <= 100 * 1000


async def test_uploads_that_are_over_end_without_any_walk(rig: Rig, asked: Asked) -> None:
    over = await rig.open("late", ("a.bin", b"a"), ("b.bin", b"b"))
    complete = await rig.upload("whole", ("a.bin", b"a"))
    under_way = await rig.open("early", ("a.bin", b"a"))
    for session in (over, complete):
        await let_expire(rig, session)
    await expire(rig.indexer)
    assert (await rig.version("late")).state == "rejected"
    assert (await rig.version("whole")).state == "ready", "it only lacked its event"
    assert (await rig.version(under_way.model)).state == "pending"
    assert asked.prefixes == []


async def test_a_scrub_asks_for_each_object_and_sees_what_no_listing_tells(
    rig: Rig, asked: Asked
) -> None:
    version = await rig.version("model2", 1)
    await rig.indexer.database.versions.update_one(
        {"_id": version.id}, {"$set": {"artifacts.0.sha256": "0" * 64}}
    )
    assert repaired(await reconcile(rig.indexer)) == {}
    report = await scrub(rig.indexer)
    assert (report.records, report.missing) == (2 * MODELS, 1)
    assert (await rig.version("model2", 1)).reasons[0].code == "object_replaced"
    assert len(asked.heads) == 4 * MODELS
