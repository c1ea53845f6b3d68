"""A round or a scrub that was cut off goes on where it was: nothing is left out or done anew."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.indexer.reconcile import model_walk, pace
from services.indexer.reconcile.round import reconcile, reconcile_when_due
from services.indexer.reconcile.scrub import scrub
from shared.database.errors import DatabaseUnavailable
from shared.database.reports import SCRUB, find_place
from shared.database.versions import Versions
from shared.runtime.settings import MIB
from shared.storage.connection import StorageUnavailable
from shared.storage.objects import Objects
from tests.integration.failing_storage import Failing, ready
from tests.integration.rig import Rig, opened_rig
from tests.support.servers import Addresses

HOUR = timedelta(hours=1)


@pytest.fixture
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    async with opened_rig(addresses, upload_single_put_max_bytes=MIB) as opened:
        yield opened


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    return Failing(monkeypatch)


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
    await rig.adopt()
    assert (await rig.version("b")).state == "verifying"
    assert (await rig.version("c")).state == "verifying"
    assert report.strays == 1


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
    head, asked, away = Objects.head, list[str](), ["m/3/a.bin"]

    async def cut_off(reader: Objects, bucket: str, key: str, *rest: Any) -> Any:
        asked.append(key)
        if key in away:
            raise DatabaseUnavailable("it is away")
        return await head(reader, bucket, key, *rest)

    monkeypatch.setattr(Objects, "head", cut_off)
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
    assert (report.objects, report.records, report.found) == (4, 3, 1)


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
