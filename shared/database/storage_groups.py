"""Storage groups: the buckets in which the registry keeps versions."""

from shared.database.client import Database
from shared.domain.records import utc_now


async def remember_group(database: Database, bucket: str) -> None:
    """Count the bucket among the registry's own from now on; idempotent."""
    await database.storage_groups.update_one(
        {"_id": bucket}, {"$setOnInsert": {"created_at": utc_now()}}, upsert=True
    )


async def is_group(database: Database, bucket: str) -> bool:
    """Whether the bucket is one of the registry's own."""
    return await database.storage_groups.find_one({"_id": bucket}, {"_id": 1}) is not None


async def list_groups(database: Database) -> list[str]:
    """Name every bucket of the registry; there are few."""
    found = database.storage_groups.find({}, {"_id": 1}).sort([("_id", 1)])
    return [group["_id"] for group in await found.to_list()]
