"""Claims on versions that are read whole: a lease with a fencing token, counted."""

from collections.abc import Mapping
from datetime import timedelta

from pymongo.collection import ReturnDocument

from shared.database.client import Database, Document
from shared.records import VersionRecord, utc_now


async def claim_verifying(database: Database, token: str, lease: timedelta) -> VersionRecord | None:
    """Claim the oldest version that cannot be ready before a full read, and that nobody holds.

    Verdicts must carry `token`: they count only while the lease is still this one.
    """
    return await _claim(database, {"state": "verifying"}, token, lease)


async def claim_unconfirmed(
    database: Database, token: str, lease: timedelta
) -> VersionRecord | None:
    """Claim the oldest ready version with a file whose whole digest nobody has computed yet."""
    return await _claim(database, {"unconfirmed": True}, token, lease)


async def confirm_digests(
    database: Database, version_id: str, token: str, digests: Mapping[int, str]
) -> bool:
    """Record the whole-file digests by artifact index; False when the lease was lost."""
    fields: Document = {"unconfirmed": False, "lease": None}
    for index, sha256 in digests.items():
        fields[f"artifacts.{index}.sha256"] = sha256
        fields[f"artifacts.{index}.sha256_state"] = "verified"
    result = await database.versions.update_one(
        {"_id": version_id, "lease.token": token}, {"$set": fields}
    )
    return result.matched_count == 1


async def renew_lease(database: Database, version_id: str, token: str, lease: timedelta) -> None:
    """Move the end of the lease, where it is still held under this token."""
    await database.versions.update_one(
        {"_id": version_id, "lease.token": token},
        {"$set": {"lease.expires_at": utc_now() + lease}},
    )


async def _claim(
    database: Database, which: Document, token: str, lease: timedelta
) -> VersionRecord | None:
    now = utc_now()
    # Two questions, not one with $or: each is answered by an index on every server.
    for free in ({"lease": None}, {"lease.expires_at": {"$lt": now}}):
        found = await database.versions.find_one_and_update(
            {**which, **free},
            {
                "$set": {"lease": {"token": token, "expires_at": now + lease}},
                "$inc": {"attempts": 1},
            },
            sort=[("created_at", 1)],
            return_document=ReturnDocument.AFTER,
        )
        if found:
            return VersionRecord.model_validate(found)
    return None
