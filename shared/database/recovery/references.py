"""Counts of shared bytes made anew from the versions that refer to them."""

from shared.database.client import Database
from shared.database.collection import Transaction
from shared.database.records import read_record
from shared.database.references import count_borrowers
from shared.database.versions import Versions

PAGE = 50
"""Versions of one query, as long as they may have 1,000 files each."""


async def restore_references(database: Database, model: str) -> int:
    """Let files say how many others lie under their keys: those of a model, and what they refer to.

    Returns how many said otherwise. Raises DatabaseUnavailable.
    """
    restored, reached = 0, 0
    versions = Versions(database)
    while page := await versions.records_of(model, after=reached, limit=PAGE):
        files = [each for version in page for each in version.artifacts]
        keys = {each.location for each in files if each.location is not None}
        keys |= {each.key for each in files if each.references}
        for key in sorted(keys):
            restored += await _restore(database, key)
        reached = page[-1].number
    return restored


async def _restore(database: Database, key: str) -> bool:
    async def restore_it(transaction: Transaction) -> bool:
        holder = await read_record(database, {"artifacts.key": key}, transaction)
        if holder is None:
            return False  # nothing is left of it: those that refer to it are missing
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
