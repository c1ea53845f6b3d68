"""Storage whose disk is full: uploads wait or fail, and nothing that was confirmed is harmed."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from local.stack import stop
from tests.faults.harness.outages import Servers
from tests.faults.harness.running_registry import Harness, running_registry
from tests.faults.harness.small_disk import SmallDisk, small_disk
from tests.faults.harness.waiting import until_true
from tests.support.api import MIB

pytestmark = pytest.mark.servers

FULL_MIB, LARGE_MIB = 64, 512


@pytest.fixture
def disk(long_form: bool, tmp_path: Path) -> Iterator[SmallDisk]:
    if not long_form:
        pytest.skip("servers of its own: in the long form")
    with small_disk(tmp_path / "servers" / "data" / "minio", FULL_MIB) as mounted:
        yield mounted


@pytest.fixture
async def crowded(disk: SmallDisk, tmp_path: Path) -> AsyncIterator[Harness]:
    """A registry on servers of which storage has a small disk."""
    root = tmp_path / "servers"
    try:
        servers = Servers(root)
        async with running_registry(servers, tmp_path) as harness:
            yield harness
    finally:
        stop(root, timeout_seconds=5)


async def test_uploads_go_on_when_a_full_disk_has_room_again(
    crowded: Harness, disk: SmallDisk
) -> None:
    await crowded.start_both()
    count = FULL_MIB // 5 + 6

    async def confirmed(number: int) -> bool:
        return len(crowded.ledger.confirmed) >= number

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(crowded.uploader.upload(crowded.model, os.urandom(6 * MIB)))
        await until_true("some uploads have found room", lambda: confirmed(3))
        await until_true("storage refuses others", lambda: is_full(crowded))
        disk.grow(LARGE_MIB)
    assert len(crowded.ledger.confirmed) == count
    assert await crowded.violations() == []


async def is_full(registry: Harness) -> bool:
    """Whether storage refuses another object for want of room."""
    probe = registry.settings.minio_bucket + "-probe"
    await registry.view.storage.buckets.make(probe)
    try:
        registry.view.s3.put_object(Bucket=probe, Key="probe", Body=bytes(8 * MIB))
    except Exception as refusal:
        return "StorageFull" in str(refusal) or "minimum free drive" in str(refusal)
    return False
