"""Counts of shared bytes made anew from the versions that refer to them."""

from shared.database.blobs import count_borrowers
from shared.database.client import Database
from shared.database.collection import Document, Transaction
from shared.domain.records import VersionRecord


async def restore_references(database: Database) -> int:
    """Let each artifact say how many others lie under its key; returns how many said otherwise.

    Raises DatabaseUnavailable.
    """
    restored = 0
    query: Document = {
        "$or": [{"artifacts.location": {"$gt": ""}}, {"artifacts.references": {"$gt": 0}}]
    }
    keys: set[str] = set()
    async for found in database.versions.find(query, {"artifacts": 1}):
        for each in found["artifacts"]:
            if location := each.get("location"):
                keys.add(location)
            if each.get("references"):
                keys.add(each["key"])
    for key in sorted(keys):
        restored += await _restore(database, key)
    return restored


async def _restore(database: Database, key: str) -> bool:
    async def restore_it(transaction: Transaction) -> bool:
        found = await database.versions.find_one({"artifacts.key": key}, transaction=transaction)
        if found is None:
            return False  # nothing is left of it: those that refer to it are missing
        holder = VersionRecord.model_validate(found)
        index = next(i for i, each in enumerate(holder.artifacts) if each.key == key)
        # Who takes or gives back a reference writes the holder, so this is run again beside it.
        count = (await count_borrowers(database, [key], transaction))[key]
        if holder.artifacts[index].references == count:
            return False
        # What is left of a purged version that nobody refers to, a comparison finds.
        change = {"$set": {f"artifacts.{index}.references": count}}
        await database.versions.update_one({"_id": holder.id}, change, transaction=transaction)
        return True

    return await database.transaction(restore_it)
