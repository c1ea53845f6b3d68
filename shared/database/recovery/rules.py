"""Rules made anew from what events tell: idempotent, and safe beside live services."""

from collections.abc import Iterable

from shared.database.client import Database
from shared.database.collection import Document
from shared.database.errors import DuplicateKey
from shared.domain.rules import RulesRecord


async def restore_rules(database: Database, changes: Iterable[RulesRecord]) -> int:
    """Write the rules of each scope where they are older, or not there; returns how many were.

    Raises DatabaseUnavailable.
    """
    return sum([await _restore(database, each) for each in changes])


async def _restore(database: Database, change: RulesRecord) -> bool:
    older: Document = {"_id": change.scope, "revision": {"$lt": change.revision}}
    document = change.model_dump(by_alias=True)
    try:
        await database.rules.replace_one(older, document, upsert=True)
    except DuplicateKey:
        return False  # they are as new, or newer
    return True
