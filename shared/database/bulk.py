"""Many changes of single documents, in statements of a bounded size."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from pymongo import UpdateOne

from shared.database.collection import Change, Collection, Document
from shared.database.errors import DuplicateKey

C = TypeVar("C", bound=Change)
CHANGES_TOGETHER = 1000
"""Changes of one statement."""
_RACES = 5
"""Tries at making documents that others make at the same moment."""


def slices(changes: Sequence[C]) -> Iterator[Sequence[C]]:
    """Cut changes into those of one statement each."""
    for start in range(0, len(changes), CHANGES_TOGETHER):
        yield changes[start : start + CHANGES_TOGETHER]


async def insert_missing(collection: Collection, documents: Iterable[Document]) -> int:
    """Write the documents whose ids are not there; returns how many. Others stay as they are."""
    changes = [
        UpdateOne({"_id": each["_id"]}, {"$setOnInsert": each}, upsert=True) for each in documents
    ]
    return len(await upsert_each(collection, changes))


async def upsert_each(collection: Collection, changes: Sequence[UpdateOne]) -> set[str]:
    """Make the changes, of one document each by its id; returns the ids that were not there."""
    new: set[str] = set()
    for together in slices(changes):
        new |= await _upsert_together(collection, together)
    return new


async def _upsert_together(collection: Collection, changes: Sequence[UpdateOne]) -> set[str]:
    for races_left in reversed(range(_RACES)):
        try:
            result = await collection.bulk_write(changes)
        except DuplicateKey:  # another made one of them at this moment
            if not races_left:
                raise
        else:
            return set((result.upserted_ids or {}).values())
    raise AssertionError("unreachable: the last try returns or raises")
