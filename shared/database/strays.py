"""Reports of objects that belong to no version."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pymongo import DeleteMany, UpdateOne

from registry.schemas import Reason
from shared.database.bulk import slices, upsert_each
from shared.database.client import Database
from shared.database.collection import Document, find_each, portions
from shared.database.found_folders import in_bucket


@dataclass(frozen=True, slots=True)
class Stray:
    """An object of no version, or a folder of them, whose key ends with a slash."""

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


@dataclass(frozen=True, slots=True)
class ReportedStray:
    """A stray as it is reported."""

    stray: Stray
    reason: Reason
    first_seen_at: datetime
    last_seen_at: datetime
    quarantined_at: datetime | None


async def report_strays(
    database: Database, strays: Sequence[tuple[Stray, Reason]]
) -> list[tuple[Stray, Reason]]:
    """Keep a report of each with its reason; returns those that are new, of others only the time.

    In one statement for up to a thousand of them.
    """
    now = await database.now()
    new = await upsert_each(database.strays, [_report(*each, now) for each in strays])
    return [each for each in strays if each[0].id in new]


def _report(stray: Stray, reason: Reason, now: datetime) -> UpdateOne:
    found: Document = {
        "bucket": stray.bucket,
        "key": stray.key,
        "object_version": stray.object_version,
        "size_bytes": stray.size_bytes,
        "first_seen_at": now,
    }
    seen: Document = {"code": reason.code, "detail": reason.detail, "last_seen_at": now}
    return UpdateOne({"_id": stray.id}, {"$setOnInsert": found, "$set": seen}, upsert=True)


async def codes_of_strays(database: Database, ids: Iterable[str]) -> dict[str, str]:
    """Return the reported codes of those of the ids that are reported."""
    return {found["_id"]: found["code"] async for found in find_each(database.strays, "_id", ids)}


async def renew_strays(database: Database, ids: Sequence[str]) -> None:
    """Record that reported strays were seen again."""
    now = await database.now()
    changes = [UpdateOne({"_id": each}, {"$set": {"last_seen_at": now}}) for each in ids]
    for together in slices(changes):
        await database.strays.bulk_write(together)


async def forget_strays(database: Database, ids: Iterable[str]) -> None:
    """Remove the reports of objects that belong to a version by now."""
    changes = [DeleteMany({"_id": {"$in": portion}}) for portion in portions(ids)]
    if changes:
        await database.strays.bulk_write(changes)


async def forget_strays_in(database: Database, bucket: str) -> None:
    """Remove the reports of a bucket that is no storage group any more."""
    await database.strays.bulk_write([DeleteMany({"_id": in_bucket(bucket, "")})])


async def list_strays(
    database: Database, *, bucket: str | None, after: str, limit: int
) -> list[tuple[str, ReportedStray]]:
    """Return up to `limit` reports with their ids, of those whose ids sort after `after`."""
    query = {"_id": {"$gt": after}} if bucket is None else {"_id": in_bucket(bucket, after)}
    cursor = database.strays.find(query).sort([("_id", 1)]).limit(limit)
    return [(found["_id"], _reported(found)) for found in await cursor.to_list()]


def _reported(found: Document) -> ReportedStray:
    return ReportedStray(
        Stray(found["bucket"], found["key"], found["object_version"], found["size_bytes"]),
        Reason(code=found["code"], detail=found["detail"]),
        found["first_seen_at"],
        found["last_seen_at"],
        found.get("quarantined_at"),
    )


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
