"""Archiving, holding, deleting, restoring and purging: each one transaction with its event."""

from collections.abc import Awaitable, Callable

from registry.schemas import EventType
from shared.database.announcing import VersionChange, announce, changed_fields
from shared.database.client import Database
from shared.database.collection import Document, Transaction
from shared.database.handles import give_client_handles
from shared.database.models import read_counters, set_latest
from shared.database.part_digests import forget_part_digests
from shared.database.records import read_record
from shared.database.references import count_borrowers, count_references
from shared.database.work import finish_work
from shared.domain import deletion
from shared.domain.records import VersionRecord, WorkRecord

Decide = Callable[[VersionRecord], VersionRecord | None]
"""Given a version, returns it as it shall be, or itself or None where nothing changes; it raises
what refuses the change."""
DecideWithin = Callable[[VersionRecord, Transaction], Awaitable[VersionRecord | None]]
"""The same, for what has to be looked up in the transaction first."""


async def change_version(
    database: Database, model: str, version_id: str, decide: Decide, event: EventType
) -> VersionRecord | None:
    """Change a version, and tell it where that changes anything; see `change_version_within`."""

    async def decide_it(found: VersionRecord, _: Transaction) -> VersionRecord | None:
        return decide(found)

    return await change_version_within(database, model, version_id, decide_it, event)


async def change_version_within(
    database: Database, model: str, version_id: str, decide: DecideWithin, event: EventType
) -> VersionRecord | None:
    """Change a version, and tell it where that changes anything.

    Returns the version as it is then; None where it is not there. Raises what `decide` raises,
    DatabaseContended and DatabaseUnavailable.
    """

    async def change_it(transaction: Transaction) -> VersionRecord | None:
        before = await read_record(database, {"_id": version_id}, transaction)
        after = await decide(before, transaction) if before is not None else None
        if before is None or after is None or after is before:
            return before
        counters = await read_counters(database, [model], transaction)
        change = VersionChange(before, after, event)
        [written] = await announce(database, [change], counters, transaction)
        await set_latest(database, model, transaction)
        if written.state == "ready" and before.state != "ready":
            await give_client_handles(database, [written], transaction)
        return written

    return await database.transaction(change_it, turn=model)


async def begin_purge(database: Database, version_id: str, token: str) -> VersionRecord | None:
    """Decide that a deleted version is not restored any more; what it shares is given back.

    Returns it as it is then; None where it may not be purged now, which leaves it for later, or
    the lease was lost.
    """
    now = await database.now()

    async def begin_it(transaction: Transaction) -> VersionRecord | None:
        before = await read_record(database, {"_id": version_id}, transaction)
        if before is None or before.work is None or before.work.token != token:
            return None
        begun = deletion.begin_purge(before, now)
        if begun is not None and begun is not before:
            await count_references(database, [before], [], transaction)
            # Its files may refer to each other, which has changed it.
            before = await read_record(database, {"_id": version_id}, transaction) or before
            begun = deletion.begin_purge(before, now)
        after = await _keep_shared(database, begun or deletion.postponed(before), transaction)
        if fields := changed_fields(before, after):
            change = {"$set": fields}
            await database.versions.update_one({"_id": version_id}, change, transaction=transaction)
        return after if begun is not None else None

    return await database.transaction(begin_it)


async def finish_purge(database: Database, version: VersionRecord, token: str) -> None:
    """Record that nothing of a version is in storage any more, and tell it once.

    Nothing where the lease was lost: whoever has it now does the same.
    """
    await forget_part_digests(database, version.id, len(version.artifacts))
    if version.deletion is not None and version.deletion.purged_at is not None:
        await finish_work(database, version.id, token)  # what came later, or was shared until now
        return
    now = await database.now()

    def decide(found: VersionRecord) -> VersionRecord | None:
        if found.work is None or found.work.token != token:
            return None
        return deletion.finish_purge(found, now)

    event: EventType = "registry.version.purged.v1"
    await change_version(database, version.model, version.id, decide, event)


async def purge_again(database: Database, version_id: str) -> bool:
    """Have what came under the keys of a purged version removed; False where that is under way."""
    work = WorkRecord(kind="purge", due_at=await database.now())
    query: Document = {
        "_id": version_id,
        "deletion.purge_began_at": {"$ne": None},
        "work": None,
    }
    result = await database.versions.update_one(query, {"$set": {"work": work.model_dump()}})
    return result.matched_count == 1


async def _keep_shared(
    database: Database, version: VersionRecord, transaction: Transaction
) -> VersionRecord:
    """Return a version that counts those that refer to bytes of which it says that nobody does.

    A count is wrong where records were made anew and not all of them are there, or were found
    again: then bytes would go that are needed.
    """
    free = [each.key for each in version.artifacts if not each.location and not each.references]
    counts = await count_borrowers(database, free, transaction, but=version.id)
    if not counts:
        return version
    artifacts = [
        each.model_copy(update={"references": each.references or counts[each.key]})
        for each in version.artifacts
    ]
    return version.model_copy(update={"artifacts": artifacts})
