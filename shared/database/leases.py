"""Claims on versions that are read whole: a lease with a fencing token, counted."""

from datetime import timedelta

from pymongo.collection import ReturnDocument

from shared.database.client import Database
from shared.records import VersionRecord, utc_now


async def claim_verifying(database: Database, token: str, lease: timedelta) -> VersionRecord | None:
    """Claim the oldest version that waits for a full read and that nobody holds.

    Verdicts must carry `token`: they count only while the lease is still this one.
    """
    now = utc_now()
    found = await database.versions.find_one_and_update(
        {
            "state": "verifying",
            "$or": [{"lease": None}, {"lease.expires_at": {"$lt": now}}],
        },
        {
            "$set": {"lease": {"token": token, "expires_at": now + lease}},
            "$inc": {"attempts": 1},
        },
        sort=[("created_at", 1)],
        return_document=ReturnDocument.AFTER,
    )
    return VersionRecord.model_validate(found) if found else None


async def renew_lease(database: Database, version_id: str, token: str, lease: timedelta) -> None:
    """Move the end of the lease, where it is still held under this token."""
    await database.versions.update_one(
        {"_id": version_id, "lease.token": token},
        {"$set": {"lease.expires_at": utc_now() + lease}},
    )
