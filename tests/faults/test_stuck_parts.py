"""A part that stands still while something waits for it turns readiness red, by its name."""

import os

import pytest

from tests.faults.harness.running_registry import Harness

pytestmark = pytest.mark.servers


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("lane", "lane "),
        ("lane", "events that are not published (oldest "),
        ("worker", "worker "),
        ("batch", "batch of bucket events stands still"),
    ],
)
async def test_a_part_that_is_frozen_is_named_by_readiness(
    registry: Harness, part: str, named: str
) -> None:
    indexer = await registry.start("indexer", f"freeze:{part}", "impatient:2")
    registry.write(f"{registry.model}/1/model.bin", os.urandom(500), counts=False)
    await indexer.names(named)
    assert indexer.is_alive


async def test_parts_that_work_or_rest_are_not_named(registry: Harness) -> None:
    indexer = await registry.start("indexer", "impatient:2")
    registry.write(f"{registry.model}/1/model.bin", os.urandom(500))
    assert await registry.violations() == []
    await indexer.ready(seconds=5)
