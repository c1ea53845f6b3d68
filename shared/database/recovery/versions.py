"""Versions made anew from what else tells of them: idempotent, and safe beside live services."""

from collections.abc import Iterable

from shared.database.announcing import VersionChange, announce
from shared.database.client import Database
from shared.database.collection import Document, Transaction, portions
from shared.database.errors import DuplicateKey
from shared.database.handles import version_exists
from shared.database.models import newest_ready, read_counters
from shared.domain.records import VersionRecord


async def restore_version(
    database: Database, record: VersionRecord, *, instead_of: int | None
) -> bool:
    """Write a version as it was; its model must be there.

    `instead_of` is the sequence number of the record to replace; None: there must be none. False
    where it is another one by now, which then stays. Raises Conflict "version_exists" where another
    version has its number or one of its keys, and DatabaseUnavailable.
    """

    async def restore_it(transaction: Transaction) -> bool:
        query, seen = {"_id": record.id}, {"sequence": 1, "aliases": 1}
        found = await database.versions.find_one(query, seen, transaction=transaction)
        if (found["sequence"] if found else None) != instead_of:
            return False
        document = record.model_dump(by_alias=True)
        if found is not None:  # its sequence does not tell of aliases that have moved meanwhile
            document["aliases"] = found.get("aliases", [])
        try:
            await database.versions.replace_one(
                query, document, upsert=True, transaction=transaction
            )
        except DuplicateKey as error:
            raise version_exists(record.model, record.number) from error
        return True

    return await database.transaction(restore_it)


async def announce_version(database: Database, record: VersionRecord) -> bool:
    """Write a version that no event told of, and its created event, under the next number.

    Its model must be there. False where the version is there by now. Raises Conflict
    "version_exists" where another version has its number or one of its keys, and
    DatabaseUnavailable.
    """
    change = VersionChange(None, record, "registry.version.created.v1")

    async def announce_it(transaction: Transaction) -> bool:
        known = await database.versions.find_one(
            {"_id": record.id}, {"_id": 1}, transaction=transaction
        )
        if known:
            return False
        counters = await read_counters(database, [record.model], transaction)
        await announce(database, [change], counters, transaction)
        return True

    return await database.transaction(announce_it)


async def restore_model(database: Database, model: str) -> None:
    """Have the model's document agree with its versions; counters are only ever raised.

    Raises DatabaseUnavailable.
    """

    async def restore_it(transaction: Transaction) -> None:
        # Whoever changes a version's state changes the model too, so this is run again beside it.
        versions: Document = {"model": model}
        count = await database.versions.count_documents(versions, transaction=transaction)
        oldest = await database.versions.find_one(
            versions, {"created_at": 1}, sort=[("created_at", 1)], transaction=transaction
        )
        latest = await newest_ready(database, model, transaction)
        change: Document = {
            "$max": {"version_count": count},
            # Not only raised: the newest version may be missing by now.
            "$set": {"latest_number": latest},
        }
        if oldest:
            change["$min"] = {"created_at": oldest["created_at"]}
        await database.models.update_one({"_id": model}, change, transaction=transaction)

    await database.transaction(restore_it)


async def known_numbers(database: Database, model: str, numbers: Iterable[int]) -> set[int]:
    """Return those of the numbers under which the model has a version.

    Raises DatabaseUnavailable.
    """
    known: set[int] = set()
    for portion in portions(numbers):
        query: Document = {"model": model, "number": {"$in": portion}}
        async for found in database.versions.find(query, {"number": 1}):
            known.add(found["number"])
    return known
