"""What a comparison mended is counted once, also where it was cut off."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.indexer.context import Context
from services.indexer.figures.counts import Counted
from services.indexer.reconcile.round import reconcile_when_due
from services.indexer.reconcile.scrub import scrub
from shared.database.errors import DatabaseUnavailable
from shared.storage.connection import StorageUnavailable
from shared.storage.objects import Objects
from tests.integration.failing_storage import Failing, lose, ready
from tests.integration.rig import Rig, opened_rig
from tests.support.servers import Addresses


@pytest.fixture
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    async with opened_rig(addresses) as opened:
        yield opened


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def indexer(rig: Rig, registry: CollectorRegistry) -> Context:
    return replace(rig.indexer, counts=Counted(registry))


def missing(registry: CollectorRegistry) -> tuple[float | None, float | None]:
    """How many versions became missing, and how many of the repairs are that."""
    return (
        registry.get_sample_value("registry_versions_settled_total", {"state": "missing"}),
        registry.get_sample_value("registry_repairs_total", {"kind": "missing"}),
    )


async def test_of_a_round_that_was_cut_off(
    rig: Rig, indexer: Context, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Failing(monkeypatch)
    await ready(rig, "a", "b")
    await lose(rig, "a")
    failing.away_at = "b/"
    with pytest.raises(StorageUnavailable):
        await reconcile_when_due(indexer, timedelta())
    assert missing(registry) == (1, 1)
    failing.come_back()
    assert await reconcile_when_due(indexer, timedelta()) is not None
    assert missing(registry) == (1, 1)


async def test_of_a_scrub_that_was_cut_off(
    rig: Rig, indexer: Context, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(rig, "a", "b")
    await lose(rig, "a")
    head, away = Objects.head, ["b/1/a.bin"]

    async def cut_off(reader: Objects, bucket: str, key: str, *rest: Any) -> Any:
        if key in away:
            raise DatabaseUnavailable("it is away")
        return await head(reader, bucket, key, *rest)

    monkeypatch.setattr(Objects, "head", cut_off)
    with pytest.raises(DatabaseUnavailable):
        await scrub(indexer)
    assert missing(registry) == (1, 1)
    away.clear()
    await scrub(indexer)
    assert missing(registry) == (1, 1)
