"""Records made anew from what else tells of them: idempotent, and safe beside live services."""

from collections.abc import Iterable
from datetime import datetime

from pymongo.collection import ReturnDocument

from shared.database.client import Database, Document, DuplicateKey, Session, portions
from shared.database.handles import version_exists
from shared.database.lifecycle import newest_ready, while_models_are_made
from shared.database.outbox import outbox_entries
from shared.domain.events import version_event
from shared.domain.records import VersionRecord


async def raise_counters(
    database: Database, model: str, *, number: int, sequence: int, created_at: datetime
) -> None:
    """Have the model's counters at least there, before anybody counts on from lower ones.

    A model that is not there is made. Raises DatabaseError.
    """
    change: Document = {
        "$max": {"next_number": number, "sequence": sequence},
        "$setOnInsert": {"version_count": 0, "latest_number": None, "created_at": created_at},
    }

    async def raise_them() -> None:
        await database.models.update_one({"_id": model}, change, upsert=True)

    await while_models_are_made(model, raise_them)


async def restore_version(
    database: Database, record: VersionRecord, *, instead_of: int | None
) -> bool:
    """Write a version as it was; its model must be there.

    `instead_of` is the sequence number of the record to replace; None: there must be none. False
    where it is another one by now, which then stays. Raises Conflict "version_exists" where another
    version has its number or one of its keys, and DatabaseError.
    """

    async def work(session: Session) -> bool:
        query = {"_id": record.id}
        found = await database.versions.find_one(query, {"sequence": 1}, session=session)
        if (found["sequence"] if found else None) != instead_of:
            return False
        try:
            await database.versions.replace_one(
                query, record.model_dump(by_alias=True), upsert=True, session=session
            )
        except DuplicateKey as error:
            raise version_exists(record.model, record.number) from error
        return True

    return await database.transaction(work)


async def announce_version(database: Database, record: VersionRecord) -> bool:
    """Write a version that no event told of, and its created event, under the next number.

    Its model must be there. False where the version is there by now. Raises Conflict
    "version_exists" where another version has its number or one of its keys, and DatabaseError.
    """

    async def work(session: Session) -> bool:
        if await database.versions.find_one({"_id": record.id}, {"_id": 1}, session=session):
            return False
        model = await database.models.find_one_and_update(
            {"_id": record.model},
            {"$inc": {"sequence": 1}},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        numbered = record.model_copy(update={"sequence": model["sequence"]})
        event = version_event("registry.version.created.v1", numbered)
        try:
            await database.versions.insert_one(numbered.model_dump(by_alias=True), session=session)
        except DuplicateKey as error:
            raise version_exists(record.model, record.number) from error
        await database.outbox.insert_many(outbox_entries([event]), session=session)
        return True

    return await database.transaction(work)


async def restore_model(database: Database, model: str) -> None:
    """Have the model's document agree with its versions; counters are only ever raised.

    Raises DatabaseError.
    """

    async def work(session: Session) -> None:
        # Whoever changes a version's state changes the model too, so this is run again beside it.
        versions: Document = {"model": model}
        count = await database.versions.count_documents(versions, session=session)
        oldest = await database.versions.find_one(
            versions, {"created_at": 1}, sort=[("created_at", 1)], session=session
        )
        latest = await newest_ready(database, model, session)
        change: Document = {
            "$max": {"version_count": count},
            # Not only raised: the newest version may be missing by now.
            "$set": {"latest_number": latest},
        }
        if oldest:
            change["$min"] = {"created_at": oldest["created_at"]}
        await database.models.update_one({"_id": model}, change, session=session)

    await database.transaction(work)


async def known_numbers(database: Database, model: str, numbers: Iterable[int]) -> set[int]:
    """Return those of the numbers under which the model has a version; raises DatabaseError."""
    known: set[int] = set()
    for portion in portions(numbers):
        query: Document = {"model": model, "number": {"$in": portion}}
        async for found in database.versions.find(query, {"number": 1}):
            known.add(found["number"])
    return known
