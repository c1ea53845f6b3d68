"""What was purged of deleted versions, and what waits for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.database.client import Database
from shared.database.collection import Document
from shared.database.depths import MOST_COUNTED, depth_of_work
from shared.database.pages import Place, newest_first, older_than

PURGED_AT = "deletion.purged_at"
_FIELDS = ("model", "number", "size_bytes", "deletion")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Deleted versions that are not purged yet; each number is at most MOST_COUNTED."""

    count: int
    due: int


@dataclass(frozen=True, slots=True)
class Purged:
    """As much of a purged version as is told of it: a page of whole records has gigabytes."""

    id: str
    model: str
    number: int
    size_bytes: int
    deleted_at: datetime
    deleted_by: str
    purged_at: datetime


async def waiting_purges(database: Database) -> Waiting:
    """Count the versions that are to be purged, and those of which it is time; by the index."""
    query: Document = {"work.kind": "purge"}
    found = database.versions.find(query, {"_id": 0, "work.kind": 1})
    found = found.sort([("work.kind", 1), ("work.due_at", 1)]).limit(MOST_COUNTED)
    due = await depth_of_work(database, "purge")
    return Waiting(len(await found.to_list()), due.count)


async def purged_versions(
    database: Database, *, before: Place | None, limit: int
) -> Sequence[Purged]:
    """Return purged versions, those that were purged last first.

    `before` is when the last one of the page before was purged, and its id.
    """
    purged: Document = {"$type": "date"}  # as their index has it
    query: Document = {PURGED_AT: purged}
    if before is not None:
        query = {PURGED_AT: {**purged, "$lte": before[0]}, **older_than(PURGED_AT, before)}
    found = database.versions.find(query, dict.fromkeys(_FIELDS, 1))
    found = found.sort(newest_first(PURGED_AT)).limit(limit)
    return [_purged(each) for each in await found.to_list()]


def _purged(found: Document) -> Purged:
    deletion: Document = found["deletion"]
    return Purged(
        id=found["_id"],
        model=found["model"],
        number=found["number"],
        size_bytes=found["size_bytes"],
        deleted_at=deletion["at"],
        deleted_by=deletion["by"],
        purged_at=deletion["purged_at"],
    )
