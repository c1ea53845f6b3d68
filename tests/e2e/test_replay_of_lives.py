"""After a database was lost: what was archived, held, deleted, purged, and shared is so again."""

import os
from pathlib import Path

import pytest

from registry import AsyncModelRegistryClient
from tests.support.admin import replayed
from tests.support.api import Api
from tests.support.eventually import eventually
from tests.support.lives import confirmed, purged
from tests.support.lost_database import another_topic, opened, serving
from tests.support.system import System

pytestmark = pytest.mark.servers


async def test_lives_and_shared_bytes_are_rebuilt(
    client: AsyncModelRegistryClient,
    api: Api,
    system: System,
    wiped: dict[str, str],
    model: str,
    tmp_path: Path,
) -> None:
    data, other = os.urandom(3000), f"{model}-b"
    holder = await confirmed(client, await client.upload(model, data, path="m.bin"))
    await client.upload(other, data, path="m.bin")
    await client.delete_version(model, 1)
    await purged(client, system, holder)
    gone = await client.upload(model, b"gone for good", path="m.bin")
    await client.delete_version(model, 2, reason="wrong")
    await purged(client, system, gone)
    await client.upload(model, b"deleted", path="m.bin", description="to be restored")
    await client.delete_version(model, 3)
    await client.upload(model, b"archived and held", path="m.bin")
    await client.archive_version(model, 4)
    await client.hold_version(model, 4, reason="case 12")
    await client.upload(model, b"restored", path="m.bin")
    await client.delete_version(model, 5)
    await client.restore_version(model, 5)
    await client.upload(model, b"deleted and held", path="m.bin")
    await client.delete_version(model, 6)
    await client.hold_version(model, 6)

    async def published() -> bool | None:
        waiting = {"model": {"$in": [model, other]}}
        return True if await system.database.outbox.find_one(waiting) is None else None

    await eventually(published)
    report = await replayed(wiped)
    assert report["errors"]["count"] == 0
    assert report["references"] >= 1
    async with opened(wiped) as database:
        found = await database.versions.find_one({"model": model, "number": 1})
        assert found is not None
        assert found["artifacts"][0]["references"] == 1
        work = {
            each["number"]: each["work"] async for each in database.versions.find({"model": model})
        }
        assert [number for number, each in work.items() if each] == [3]
        again = await replayed(wiped)
        assert (again["rebuilt"], again["updated"], again["references"]) == (0, 0, 0)
    async with serving(tmp_path, {**wiped, **another_topic()}) as rebuilt:
        for name, number in ((other, 1), *((model, number) for number in (3, 4, 5, 6))):
            before, after = await api.version(name, number), await rebuilt.version(name, number)
            assert after.model_copy(update={"ready_at": before.ready_at}) == before
        for number in (1, 2):  # of these the manifest is gone, and what it said
            before, after = await api.version(model, number), await rebuilt.version(model, number)
            assert (after.deletion, after.artifacts) == (before.deletion, before.artifacts)
        assert await rebuilt.download(other, 1, "m.bin") == data
        assert (await rebuilt.version(model, "latest")).number == 5
