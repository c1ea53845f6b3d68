"""Reports of objects that belong to no version."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime

from shared.database.client import Database
from shared.database.collection import Document


@dataclass(frozen=True, slots=True)
class Stray:
    """An object of no version."""

    bucket: str
    key: str
    object_version: str | None
    """None where the bucket keeps no versions."""
    size_bytes: int | None = None
    """None where nobody looked at the object."""

    @property
    def id(self) -> str:
        """Name of its report."""
        return f"{self.bucket}/{self.key}?versionId={self.object_version or ''}"


async def report_stray(database: Database, stray: Stray, code: str, detail: str) -> bool:
    """Keep a report with its reason; True for a new one, False where only its time is renewed."""
    now = await database.now()
    found: Document = {
        "bucket": stray.bucket,
        "key": stray.key,
        "object_version": stray.object_version,
        "size_bytes": stray.size_bytes,
        "first_seen_at": now,
    }
    seen: Document = {"code": code, "detail": detail, "last_seen_at": now}
    result = await database.strays.update_one(
        {"_id": stray.id}, {"$setOnInsert": found, "$set": seen}, upsert=True
    )
    return result.upserted_id is not None


async def count_strays(database: Database, *, seen_since: datetime) -> int:
    """Return how many were seen since then."""
    return await database.strays.count_documents({"last_seen_at": {"$gte": seen_since}})


async def strays_before(
    database: Database, moment: datetime, *, seen_since: datetime | None
) -> AsyncGenerator[Stray]:
    """Yield those first seen before the moment, seen again since then, and not hidden yet."""
    query: Document = {"quarantined_at": None, "first_seen_at": {"$lte": moment}}
    if seen_since is not None:
        query["last_seen_at"] = {"$gte": seen_since}
    async for found in database.strays.find(query):
        yield Stray(found["bucket"], found["key"], found["object_version"])


async def mark_quarantined(database: Database, stray: Stray) -> None:
    """Record that the object is hidden."""
    hidden = {"$set": {"quarantined_at": await database.now()}}
    await database.strays.update_one({"_id": stray.id}, hidden)
