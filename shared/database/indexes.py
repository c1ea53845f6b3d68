"""Indexes, made at every start; making one that is there costs a round trip and changes nothing."""

from pymongo import ASCENDING, DESCENDING, IndexModel

from shared.database.client import Database


async def ensure_indexes(database: Database) -> None:
    """Make every index that is missing; raises DatabaseError."""
    await database.versions.create_indexes(
        [
            IndexModel([("model", ASCENDING), ("number", DESCENDING)], unique=True),
            # One key belongs to one version, in whatever bucket: it names model and number.
            IndexModel([("artifacts.key", ASCENDING)], unique=True),
            # The queue of those that need work; most have none, and are not in it.
            IndexModel([("work.kind", ASCENDING), ("work.due_at", ASCENDING)], sparse=True),
        ]
    )
    await database.outbox.create_indexes(
        [
            IndexModel(
                [("lane", ASCENDING), ("model", ASCENDING), ("sequence", ASCENDING)], unique=True
            )
        ]
    )
