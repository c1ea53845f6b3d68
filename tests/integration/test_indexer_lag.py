"""What the indexer tells of how far it is behind."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.indexer.lag import indexer_lag
from shared.domain.records import utc_now
from shared.kafka.consumer_health import ConsumerHealth
from tests.integration.rig import Rig, opened_rig
from tests.support.records import artifact, version
from tests.support.servers import Addresses


@pytest.fixture
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    async with opened_rig(addresses) as opened:
        yield opened


async def lag(rig: Rig) -> dict[str, Any]:
    return await indexer_lag(rig.indexer, None, ConsumerHealth("batch"))


async def test_nothing_waits_for_long_where_nothing_is(rig: Rig) -> None:
    told = await lag(rig)
    assert told == {"oldest_unpublished_seconds": 0, "oldest_work_seconds": 0}, (
        "without a consumer nobody knows what is unread"
    )


@pytest.mark.parametrize("kind", ["join", "verify", "clean", "confirm", "purge"])
async def test_the_work_that_is_due_longest_counts(rig: Rig, model: str, kind: str) -> None:
    due_at = utc_now() - timedelta(seconds=90)
    record = version(artifact(), model=model).model_dump(by_alias=True)
    record["work"] = {"kind": kind, "due_at": due_at, "attempts": 0, "token": None}
    await rig.indexer.database.versions.insert_one(record)
    assert 89 < (await lag(rig))["oldest_work_seconds"] < 180


async def test_the_oldest_event_that_is_not_published_counts(rig: Rig) -> None:
    entry = {"_id": "e", "recorded_at": utc_now() - timedelta(seconds=90), "lane": 0}
    await rig.indexer.database.outbox.insert_one(entry)
    assert 89 < (await lag(rig))["oldest_unpublished_seconds"] < 180
