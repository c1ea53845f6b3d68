"""Several indexers: they come and go, freeze and wake up late, and change nothing twice."""

import asyncio
import os

import pytest

from tests.faults.harness import kafka_groups
from tests.faults.harness.running_registry import Harness
from tests.faults.harness.uploader import upload_many
from tests.faults.harness.waiting import until_true

pytestmark = pytest.mark.servers


async def ready(registry: Harness, count: int) -> None:
    """Wait until so many versions are ready."""

    async def look() -> bool:
        return await registry.view.count(state="ready") >= count

    await until_true(f"{count} versions are ready", look)


async def test_indexers_that_join_and_leave_during_uploads(
    registry: Harness, long_form: bool
) -> None:
    await registry.start_both()
    async with asyncio.TaskGroup() as group:
        group.create_task(upload_many(registry.uploader, registry.model, 300 if long_form else 40))
        for _ in range(20 if long_form else 2):
            guest = await registry.start("indexer")
            await guest.end()
    assert await registry.violations() == []


async def test_an_indexer_frozen_past_its_session_timeout_wakes_up_to_nothing(
    registry: Harness,
) -> None:
    await registry.start("ingest")
    late = await registry.start("indexer", "stop:after_verification", "session:6000")
    await upload_many(registry.uploader, registry.model, 4)
    await late.stopped()
    await registry.start("indexer")
    await ready(registry, 4)
    late.thaw()
    await upload_many(registry.uploader, registry.model, 4)
    assert await registry.violations() == []


async def test_a_read_longer_than_the_poll_interval_neither_stops_the_line_nor_costs_partitions(
    registry: Harness,
) -> None:
    """Full reads are work of a queue: the consumer polls meanwhile and is never put out."""
    await registry.start_both("poll:500", "slow_read:3")
    before = await kafka_groups.members(registry.settings)
    registry.write(f"{registry.model}/1/model.bin", os.urandom(5000))
    await upload_many(registry.uploader, f"other-{registry.model}", 6)
    await ready(registry, 6)
    assert await registry.view.count(state="ready", source="object") == 0, "it is still being read"
    assert await registry.violations() == []
    assert await kafka_groups.members(registry.settings) == before


@pytest.mark.parametrize("boundary", ["between_events", "after_publishing"])
async def test_a_relay_frozen_in_the_middle_and_thawed_late_only_repeats_events(
    registry: Harness, boundary: str
) -> None:
    await registry.start("ingest")
    late = await registry.start("indexer", f"stop:{boundary}", "lease:1")
    await upload_many(registry.uploader, registry.model, 6, models=1)
    await late.stopped()
    await kafka_groups.expel(registry.settings)
    await registry.start("indexer")
    await ready(registry, 6)
    late.thaw()
    await upload_many(registry.uploader, registry.model, 4, models=1)
    assert await registry.violations() == []
