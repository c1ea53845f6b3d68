"""Versions as they are recorded, read inside a transaction."""

from shared.database.client import Database
from shared.database.collection import Document, Transaction
from shared.domain.records import VersionRecord


async def read_record(
    database: Database, query: Document, transaction: Transaction
) -> VersionRecord | None:
    """Return the one version that matches, as the transaction sees it."""
    found = await database.versions.find_one(query, transaction=transaction)
    return VersionRecord.model_validate(found) if found else None


async def newest_record(
    database: Database, model: str, transaction: Transaction
) -> VersionRecord | None:
    """Return the version of a model with the highest number, as the transaction sees it."""
    query: Document = {"model": model}
    found = await database.versions.find_one(query, sort=[("number", -1)], transaction=transaction)
    return VersionRecord.model_validate(found) if found else None
