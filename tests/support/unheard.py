"""A bucket of the registry that sends no events: what is written into it goes unheard."""

from uuid import uuid4

from shared.database.storage_groups import remember_group
from shared.runtime.settings import Settings
from shared.storage.adapter import open_storage
from tests.support.system import System


async def silent_bucket(system: System) -> str:
    """Make one, known to the running registry."""
    bucket = f"test-{uuid4().hex[:12]}-silent"
    async with open_storage(system.settings) as storage:
        await storage.buckets.make(bucket)
    await remember_group(system.database, bucket)
    return bucket


async def write(settings: Settings, bucket: str, key: str, data: bytes) -> None:
    """Write an object."""
    async with open_storage(settings) as storage:
        assert await storage.objects.put_once(bucket, key, data, "application/octet-stream")
