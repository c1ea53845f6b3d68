"""Keys of requests that changed nothing: such a request, sent again, still changes nothing.

What a request changes has its key. One that found all as it asks for leaves nothing else behind:
sent again after somebody else's change, it would undo that. They are forgotten after some days,
and a rebuilding does not bring them back.
"""

from datetime import timedelta

from shared.database.client import Database
from shared.database.collection import Transaction
from shared.database.errors import DuplicateKey
from shared.database.transactions import Overtaken
from shared.domain.repeats import UnchangedRecord, require_same

KEPT = timedelta(days=7)
"""How long a key is known: longer than any client tries."""


async def find_unchanged(
    database: Database,
    key: str | None,
    request: str | None,
    transaction: Transaction | None = None,
) -> UnchangedRecord | None:
    """Return what a key's request found as it asks for; raises IdempotencyKeyReused."""
    if key is None:
        return None
    found = await database.unchanged.find_one({"_id": key}, transaction=transaction)
    if found is None:
        return None
    record = UnchangedRecord.model_validate({k: found[k] for k in UnchangedRecord.model_fields})
    require_same(record.request, request)
    return record


async def keep_unchanged(
    database: Database,
    key: str | None,
    record: UnchangedRecord,
    transaction: Transaction,
) -> None:
    """Remember that a request changed nothing, if it has a key."""
    if key is None:
        return
    forgotten = {"forget_at": await database.now() + KEPT}
    try:
        await database.unchanged.insert_one(
            {"_id": key, **record.model_dump(), **forgotten}, transaction=transaction
        )
    except DuplicateKey as error:  # the same request came at this moment
        raise Overtaken(str(error)) from error
