"""The queue of versions that need work: taken under a lease with a fencing token, and counted."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from pymongo.collection import ReturnDocument

from shared.database.client import Database, Document
from shared.records import VersionRecord, utc_now


async def claim_work(
    database: Database, kind: Literal["verify", "confirm"], token: str, lease: timedelta
) -> VersionRecord | None:
    """Take the version that is due longest; it is free again when the lease ends.

    Findings must carry `token`: they count only while the lease is still this one.
    """
    now = utc_now()
    found = await database.versions.find_one_and_update(
        {"work.kind": kind, "work.due_at": {"$lte": now}},
        {
            "$set": {"work.token": token, "work.due_at": now + lease},
            "$inc": {"work.attempts": 1},
        },
        sort=[("work.due_at", 1)],
        return_document=ReturnDocument.AFTER,
    )
    return VersionRecord.model_validate(found) if found else None


async def renew_lease(database: Database, version_id: str, token: str, lease: timedelta) -> None:
    """Move the end of the lease, where it is still held under this token."""
    await database.versions.update_one(
        {"_id": version_id, "work.token": token},
        {"$set": {"work.due_at": utc_now() + lease}},
    )


async def confirm_digests(
    database: Database, version_id: str, token: str, digests: Mapping[int, str]
) -> bool:
    """Record the whole-file digests by artifact index; False when the lease was lost."""
    fields: Document = {"work": None}
    for index, sha256 in digests.items():
        fields[f"artifacts.{index}.sha256"] = sha256
        fields[f"artifacts.{index}.sha256_state"] = "verified"
    result = await database.versions.update_one(
        {"_id": version_id, "work.token": token}, {"$set": fields}
    )
    return result.matched_count == 1
