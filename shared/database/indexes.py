"""Indexes, made at every start; making one that is there costs a round trip and changes nothing."""

from pymongo import ASCENDING, DESCENDING, IndexModel

from shared.database.client import Database


async def ensure_indexes(database: Database) -> None:
    """Make every index that is missing; raises DatabaseError."""
    await database.versions.create_indexes(
        [
            IndexModel([("model", ASCENDING), ("number", DESCENDING)], unique=True),
            IndexModel(
                # Held from opening until rejection, so a failed label can be used again.
                [("model", ASCENDING), ("label", ASCENDING)],
                unique=True,
                partialFilterExpression={"label_held": True},
            ),
            # One key belongs to one version, in whatever bucket: it names model and number.
            IndexModel([("artifacts.key", ASCENDING)], unique=True),
            IndexModel(
                [("session.idempotency_key", ASCENDING)],
                unique=True,
                partialFilterExpression={"session.idempotency_key": {"$exists": True}},
            ),
            IndexModel([("client_id", ASCENDING), ("created_at", DESCENDING)]),
            IndexModel([("state", ASCENDING), ("created_at", ASCENDING)]),
            IndexModel(
                [("unconfirmed", ASCENDING), ("created_at", ASCENDING)],
                partialFilterExpression={"unconfirmed": True},
            ),
        ]
    )
    await database.outbox.create_indexes(
        [IndexModel([("model", ASCENDING), ("sequence", ASCENDING)], unique=True)]
    )
