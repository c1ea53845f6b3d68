"""Storage groups: the buckets in which the registry keeps versions.

A bucket that the registry makes is remembered as intended first, so that a crash in between can be
told from a bucket that was there before. One that an operator removes takes no upload from the
first moment on, and is forgotten once no version lies in it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.database.client import Database
from shared.database.collection import Document, Transaction, find_each
from shared.domain.records import utc_now

READY = "ready"
_OURS: Document = {"state": {"$nin": ["intended", "removing"]}}
_PAGE = 1000
_LYING: Document = dict.fromkeys(
    ("storage_group", "state", "work", "deletion.purged_at", "artifacts.references"), 1
)
"""What tells whether something of a version lies in its bucket."""


@dataclass(frozen=True, slots=True)
class KnownGroup:
    """What is kept of a storage group."""

    bucket: str
    state: str
    """ready; intended: about to be made; removing: it takes no more uploads."""
    created_at: datetime
    is_made: bool = False
    """Whether an upload had it made; the others an operator named or attached."""

    @property
    def is_ours(self) -> bool:
        """Whether versions are kept in it."""
        return self.state == READY


async def intend_group(database: Database, bucket: str) -> None:
    """Remember that the registry is about to make the bucket for an upload; idempotent."""
    intended = {"created_at": utc_now(), "state": "intended", "is_made": True}
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


async def known_groups(database: Database) -> list[KnownGroup]:
    """Return what is kept of every bucket, also of those that are no groups yet, or no more."""
    found = await database.storage_groups.find().sort([("_id", 1)]).to_list()
    return [
        KnownGroup(
            group["_id"],
            group.get("state", READY),
            group["created_at"],
            is_made=group.get("is_made", False),
        )
        for group in found
    ]


async def states_of(
    database: Database, buckets: Iterable[str], transaction: Transaction | None = None
) -> dict[str, str]:
    """Return by bucket what is known of each; nothing of one that is no group."""
    found = find_each(database.storage_groups, "_id", buckets, transaction)
    return {group["_id"]: group.get("state", READY) async for group in found}


async def mark_removing(database: Database, bucket: str) -> bool:
    """Let the group take no more uploads; False where there is none."""
    result = await database.storage_groups.update_one(
        {"_id": bucket, "state": {"$ne": "intended"}}, {"$set": {"state": "removing"}}
    )
    return result.matched_count == 1


async def forget_group(database: Database, bucket: str) -> None:
    """Forget a group that is marked as removed; idempotent."""
    await database.storage_groups.delete_one({"_id": bucket, "state": "removing"})


async def first_version_in(database: Database, bucket: str) -> str | None:
    """Return the id of a version that lies in the bucket.

    Not of one that was rejected and cleaned, or purged, without bytes that others refer to.

    No index has the bucket, so it walks through all versions, page by page.
    """
    after = ""
    while True:
        query: Document = {"_id": {"$gt": after}}
        page = database.versions.find(query, _LYING)
        found = await page.sort([("_id", 1)]).limit(_PAGE).to_list()
        for version in found:
            if version["storage_group"] == bucket and _lies_there(version):
                return version["_id"]
        if len(found) < _PAGE:
            return None
        after = found[-1]["_id"]


def _lies_there(version: Document) -> bool:
    """Whether something of a version is in its bucket, or may be."""
    if version.get("work") is not None:
        return True
    deletion: Document = version.get("deletion") or {}
    if deletion.get("purged_at") is not None:
        return any(each.get("references") for each in version["artifacts"])
    return version["state"] != "rejected"
