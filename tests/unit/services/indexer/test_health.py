"""Batches that are given back: readiness tells it, and they do not come again without a pause."""

import pytest

from services.indexer.health import Health
from shared.kafka import consumer_health
from shared.kafka.connection import KafkaProbe
from shared.kafka.errors import KafkaForbids
from shared.runtime import progress
from tests.support.isolation import SETTINGS


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses that were made."""
    made: list[float] = []

    async def pause(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr(progress.asyncio, "sleep", pause)
    return made


async def fail(watched: Health, error: Exception) -> None:
    with pytest.raises(type(error)):
        async with watched.batch_under_way():
            raise error


async def test_a_batch_that_is_given_back_is_told_until_one_succeeds(pauses: list[float]) -> None:
    watched = Health(SETTINGS, KafkaProbe(SETTINGS))
    await fail(watched, KafkaForbids("TopicAuthorizationFailedError"))
    assert "TopicAuthorizationFailedError" in watched.batch.trouble()
    assert pauses == [], "it was waited for while the batch was handled"
    async with watched.batch_under_way():
        assert watched.batch.trouble()
    assert watched.batch.trouble() == ""


async def test_a_batch_that_another_worker_has_by_now_is_told_no_more() -> None:
    watched = Health(SETTINGS, KafkaProbe(SETTINGS))
    await fail(watched, KafkaForbids("TopicAuthorizationFailedError"))
    watched.on_partitions_revoked(())
    assert watched.batch.trouble() == ""


async def test_a_batch_that_brings_out_a_defect_comes_again_after_growing_pauses(
    pauses: list[float],
) -> None:
    watched = Health(SETTINGS, KafkaProbe(SETTINGS))
    for _ in range(12):
        await fail(watched, RuntimeError("a defect"))
    assert watched.batch.trouble() == "batch of bucket events fails (RuntimeError: a defect)"
    assert pauses[0] <= 2 < pauses[4]
    assert max(pauses) <= consumer_health.MAX_DEFECT_PAUSE_SECONDS
