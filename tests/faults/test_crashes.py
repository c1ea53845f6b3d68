"""Services killed exactly at a boundary of their work: nothing is lost, nothing doubled."""

import asyncio
import os

import pytest

from tests.faults.harness.running_registry import Harness
from tests.faults.harness.uploader import upload_many
from tests.support.api import MIB

pytestmark = pytest.mark.servers


@pytest.mark.parametrize(
    "boundary",
    ["after_event_read", "after_verification", "after_transaction", "before_offset_commit"],
)
async def test_an_indexer_killed_at_a_boundary_leaves_nothing_undone(
    registry: Harness, boundary: str
) -> None:
    async with registry.nobody_relays():
        ingest = registry.launch("ingest")
        indexer = registry.launch("indexer", f"crash:{boundary}")
        await ingest.ready()
        await indexer.ready()
        await upload_many(registry.uploader, registry.model, 6)
        await indexer.killed()
    await registry.restart(indexer)
    assert await registry.violations() == []


async def test_an_indexer_killed_between_publishing_and_forgetting_repeats_events(
    registry: Harness,
) -> None:
    ingest = registry.launch("ingest")
    indexer = registry.launch("indexer", "crash:after_publishing")
    await ingest.ready()
    await indexer.ready()
    await upload_many(registry.uploader, registry.model, 6, models=1)
    await indexer.killed()
    await registry.restart(indexer)
    assert await registry.violations() == []


@pytest.mark.parametrize("boundary", ["after_adoption", "after_claim", "after_full_read"])
async def test_an_indexer_killed_while_it_reads_objects_whole_is_followed_by_another(
    registry: Harness, boundary: str
) -> None:
    async with registry.nobody_relays():
        indexer = await registry.start("indexer", f"crash:{boundary}", "lease:1")
        registry.write(f"{registry.model}/1/model.bin", os.urandom(5000))
        await indexer.killed()
    await registry.restart(indexer)
    assert await registry.violations() == []


@pytest.mark.parametrize(
    "boundary",
    ["after_sighting", "before_adoption", "after_adoption", "before_manifest", "before_leaving"],
)
async def test_a_folder_whose_indexer_is_killed_becomes_one_version_with_all_its_files(
    registry: Harness, boundary: str
) -> None:
    async with registry.nobody_relays():
        indexer = await registry.start("indexer", f"crash:{boundary}", "lease:1")
        for name in "abcd":
            registry.write(f"{registry.model}/1/{name}.bin", os.urandom(500))
            registry.write(f"{registry.model}/1.0/{name}.bin", os.urandom(500))
        await indexer.killed()
    await registry.restart(indexer)
    assert await registry.violations() == []


@pytest.mark.parametrize("boundary", ["after_intent", "after_manifest"])
async def test_an_answer_that_is_lost_with_ingest_opens_no_second_version(
    registry: Harness, boundary: str
) -> None:
    ingest = registry.launch("ingest", f"crash:{boundary}")
    await registry.start("indexer")
    await ingest.ready()
    async with asyncio.TaskGroup() as group:
        group.create_task(upload_many(registry.uploader, registry.model, 4, at_once=1))
        await ingest.killed()
        await registry.restart(ingest)
    assert len(registry.ledger.confirmed) == 4
    assert await registry.violations() == []


@pytest.mark.parametrize("boundary", ["after_multipart", "before_end", "after_end", "after_join"])
async def test_an_ingest_killed_in_an_upload_in_parts_leaves_no_parts_behind(
    registry: Harness, boundary: str
) -> None:
    ingest = registry.launch("ingest", f"crash:{boundary}")
    await registry.start("indexer")
    await ingest.ready()
    async with asyncio.TaskGroup() as group:
        group.create_task(registry.uploader.upload(registry.model, os.urandom(6 * MIB)))
        await ingest.killed()
        await registry.restart(ingest)
    assert len(registry.ledger.confirmed) == 1
    assert await registry.violations() == []
