"""Storage groups: the buckets in which the registry keeps versions.

A bucket that the registry makes is remembered as intended first, so that a crash in between can be
told from a bucket that was there before.
"""

from shared.database.client import Database
from shared.database.collection import Document
from shared.domain.records import utc_now

_OURS: Document = {"state": {"$ne": "intended"}}


async def intend_group(database: Database, bucket: str) -> None:
    """Remember that the registry is about to make the bucket; idempotent."""
    intended = {"created_at": utc_now(), "state": "intended"}
    await database.storage_groups.update_one(
        {"_id": bucket}, {"$setOnInsert": intended}, upsert=True
    )


async def is_intended(database: Database, bucket: str) -> bool:
    """Whether the registry was about to make the bucket, and maybe did."""
    found = await database.storage_groups.find_one({"_id": bucket, "state": "intended"}, {"_id": 1})
    return found is not None


async def forget_intent(database: Database, bucket: str) -> None:
    """Forget what was intended and proved to be somebody else's; a group of ours stays."""
    await database.storage_groups.delete_one({"_id": bucket, "state": "intended"})


async def remember_group(database: Database, bucket: str) -> None:
    """Count the bucket among the registry's own from now on; idempotent."""
    await database.storage_groups.update_one(
        {"_id": bucket},
        {"$set": {"state": "ready"}, "$setOnInsert": {"created_at": utc_now()}},
        upsert=True,
    )


async def is_group(database: Database, bucket: str) -> bool:
    """Whether the bucket is one of the registry's own."""
    query = {"_id": bucket, **_OURS}
    return await database.storage_groups.find_one(query, {"_id": 1}) is not None


async def list_groups(database: Database) -> list[str]:
    """Name every bucket of the registry; there are few."""
    found = database.storage_groups.find(_OURS, {"_id": 1}).sort([("_id", 1)])
    return [group["_id"] for group in await found.to_list()]
