"""Edits made again on what was restored: idempotent, and safe beside live services."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.database.bulk import insert_missing
from shared.database.client import Database
from shared.database.collection import Collection, Document, Transaction
from shared.database.edits import MODEL_FIELDS, Place, edit_document
from shared.database.models import model_of
from shared.database.pages import AT_ONCE
from shared.database.records import read_record
from shared.domain.edits import EditRecord, Fields, apply_entries, metadata_of

EDITS_TOGETHER = 100
"""Edits of one transaction, which must not last longer than the database lets it."""


async def restore_edits(database: Database, edits: Sequence[EditRecord]) -> int:
    """Keep the edits that are lacking; returns how many. Raises DatabaseUnavailable."""
    return await insert_missing(database.edits, map(edit_document, edits))


async def make_edits_again(database: Database, place: Place) -> bool:
    """Make the edits that a version or a model lacks; True where there were some.

    Raises DatabaseUnavailable.
    """

    async def make_next(transaction: Transaction) -> bool:
        edited = await _edited(database, place, transaction)
        if edited is None:
            return False
        query: Document = {
            **place.query,
            "version_id": edited.version_id,
            "revision": {"$gt": edited.revision},
        }
        later = database.edits.find(query, transaction=transaction).sort([("revision", 1)])
        fields, last = edited.fields, None
        async for found in later.limit(EDITS_TOGETHER).in_batches_of(AT_ONCE):
            fields = apply_entries(fields, found["before"], found["after"])
            last = found
        if last is None:
            return False
        change: Document = {
            "$set": {**fields, "revision": last["revision"]},
            "$max": {"sequence": last["sequence"]},
        }
        await edited.collection.update_one(edited.query, change, transaction=transaction)
        return True

    is_changed = False
    while await database.transaction(make_next, turn=place.model):
        is_changed = True
    return is_changed


@dataclass(frozen=True, slots=True)
class _Edited:
    """What is said of a version or of a model, as a transaction has read it."""

    collection: Collection
    query: Document
    fields: Fields
    revision: int
    version_id: str | None


async def _edited(database: Database, place: Place, transaction: Transaction) -> _Edited | None:
    if place.number is None:
        query: Document = {"_id": place.model}
        found = await database.models.find_one(query, transaction=transaction)
        if found is None:
            return None
        model = model_of(found)
        said = model.model_dump(include=set(MODEL_FIELDS))
        return _Edited(database.models, query, said, model.revision, None)
    named: Document = {"model": place.model, "number": place.number}
    version = await read_record(database, named, transaction)
    if version is None:
        return None
    by_id = {"_id": version.id}
    said = metadata_of(version)
    return _Edited(database.versions, by_id, said, version.revision, version.id)
