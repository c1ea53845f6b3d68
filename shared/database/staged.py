"""Bytes that wait for a commit: `staged` has a document for each, until it is committed or over."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime

from pymongo import DeleteOne, UpdateOne

from shared.database.client import Database
from shared.database.collection import Document, Transaction, find_each, portions
from shared.domain.staging import StagedRecord

OVERDUE_AT_ONCE = 100
"""Documents of one answer: they are handled before the next is asked for, within minutes."""


class StagedGone(Exception):
    """Bytes that were to be committed were committed meanwhile, or their time is over."""


async def keep_staged(database: Database, records: Iterable[StagedRecord]) -> None:
    """Write what is announced; raises DatabaseUnavailable."""
    await database.staged.insert_many([each.model_dump(by_alias=True) for each in records])


async def open_staged(database: Database, multipart_ids: Mapping[str, str]) -> None:
    """Record the multipart uploads by the ids of what they are for; raises DatabaseUnavailable."""
    changes = [
        UpdateOne({"_id": staged_id}, {"$set": {"multipart_id": multipart_id}})
        for staged_id, multipart_id in multipart_ids.items()
    ]
    await database.staged.bulk_write(changes)


async def mark_sent(database: Database, staged_ids: Sequence[str]) -> None:
    """Record that storage has every part; nothing where it is over. Raises DatabaseUnavailable."""
    changes = [
        UpdateOne({"_id": each, "state": "open"}, {"$set": {"state": "sent"}})
        for each in staged_ids
    ]
    await database.staged.bulk_write(changes)


async def find_staged(database: Database, staged_id: str) -> StagedRecord | None:
    """Return what was announced under an id; raises DatabaseUnavailable."""
    found = await database.staged.find_one({"_id": staged_id})
    return StagedRecord.model_validate(found) if found else None


async def sent_by(
    database: Database,
    model: str,
    owner: str,
    bucket: str,
    digests: Iterable[str],
    *,
    until: datetime,
) -> dict[str, StagedRecord]:
    """Return by SHA-256 what an owner has sent for a model, and has at least until this moment.

    The newest of each; raises DatabaseUnavailable.
    """
    theirs: Document = {"model": model, "owner": owner, "bucket": bucket, "state": "sent"}
    found: dict[str, StagedRecord] = {}
    for portion in portions(sorted(set(digests))):
        query = theirs | {"sha256": {"$in": portion}, "expires_at": {"$gt": until}}
        async for each in database.staged.find(query).sort([("created_at", 1)]):
            record = StagedRecord.model_validate(each)
            found[record.sha256] = record
    return found


async def take_staged(
    database: Database, records: Sequence[StagedRecord], transaction: Transaction
) -> None:
    """Forget what a version has from this transaction on; raises StagedGone.

    Whoever drops it at the same moment writes the same documents, and one of both is tried again.
    """
    if not records:
        return
    changes = [DeleteOne({"_id": each.id, "state": "sent"}) for each in records]
    result = await database.staged.bulk_write(changes, transaction=transaction)
    if result.deleted_count != len(records):
        raise StagedGone


async def overdue_staged(database: Database, moment: datetime) -> AsyncGenerator[StagedRecord]:
    """Yield what was over at the moment; raises DatabaseUnavailable."""
    overdue: Document = {"expires_at": {"$lte": moment}}
    cursor = database.staged.find(overdue).in_batches_of(OVERDUE_AT_ONCE)
    async with aclosing(aiter(cursor)) as found:
        async for each in found:
            yield StagedRecord.model_validate(each)


async def end_staged(database: Database, staged_id: str) -> bool:
    """Decide that bytes are dropped; False where a version has them by now."""
    result = await database.staged.update_one({"_id": staged_id}, {"$set": {"state": "ended"}})
    return result.matched_count == 1


async def forget_staged(database: Database, staged_id: str) -> None:
    """Forget what was dropped; raises DatabaseUnavailable."""
    await database.staged.delete_one({"_id": staged_id, "state": "ended"})


async def staged_uploads(database: Database, keys: Iterable[str]) -> set[str]:
    """Return those of the keys under which bytes wait for a commit; raises DatabaseUnavailable."""
    return {found["key"] async for found in find_each(database.staged, "key", keys)}
