"""What is kept of work that was done for operators: the last comparison, replayed dead letters."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from shared.database.client import Database
from shared.database.collection import find_each

COMPARISON = "reconcile"
UNDER_WAY = "reconcile_under_way"
SCRUB = "scrub_under_way"


async def last_comparison_began(database: Database) -> datetime | None:
    """Return when the last comparison of buckets and records began; None without any."""
    found = await database.reports.find_one({"_id": COMPARISON}, {"started_at": 1})
    return found["started_at"] if found else None


async def keep_comparison(database: Database, report: Mapping[str, Any]) -> None:
    """Keep the report of a comparison that is done, in place of the one before."""
    await database.reports.replace_one({"_id": COMPARISON}, dict(report), upsert=True)
    await forget_place(database, UNDER_WAY)


async def keep_place(database: Database, name: str, under_way: Mapping[str, Any]) -> None:
    """Keep how far a walk has come, and what it saw until there."""
    await database.reports.replace_one({"_id": name}, dict(under_way), upsert=True)


async def find_place(database: Database, name: str) -> Mapping[str, Any] | None:
    """Return what `keep_place` kept of a walk that was cut off; None without any."""
    return await database.reports.find_one({"_id": name})


async def forget_place(database: Database, name: str) -> None:
    """Let the next walk begin at the beginning."""
    await database.reports.delete_one({"_id": name})


async def remember_replay(database: Database, letter_id: str, buried_at: datetime) -> None:
    """Record that a dead letter was sent again now.

    `buried_at` tells it from one that lies at its place in a topic made anew.
    """
    replayed = {"replayed_at": await database.now(), "buried_at": buried_at}
    await database.reports.update_one({"_id": letter_id}, {"$set": replayed}, upsert=True)


async def replays_of(
    database: Database, letter_ids: Iterable[str]
) -> dict[tuple[str, datetime], datetime]:
    """Return when each of the letters was replayed, by its id and when it was buried."""
    return {
        (found["_id"], found["buried_at"]): found["replayed_at"]
        async for found in find_each(database.reports, "_id", letter_ids)
    }
