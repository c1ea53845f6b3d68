"""Who refers to bytes that several versions have, counted where they lie.

An artifact whose bytes lie under another version's key has that key as its `location`. The artifact
that lies there, its holder, counts in `references` how many do. Whoever takes or gives back a
reference writes the holder's document, as whoever purges the holder does: of two at once, one is
tried again and sees what the other did.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime

from pymongo import UpdateOne

from shared.database.announcing import changed_fields
from shared.database.client import Database
from shared.database.collection import Document, Transaction, portions
from shared.domain.deletion import is_purged
from shared.domain.records import ArtifactRecord, VersionRecord, WorkRecord

_BORROWERS_AT_ONCE = 20
"""Versions of one answer: they are handled before the next is asked for, within minutes."""


class BlobGone(Exception):
    """Bytes that were to be shared are being removed."""


async def count_references(
    database: Database,
    before: Iterable[VersionRecord],
    after: Iterable[VersionRecord],
    transaction: Transaction,
) -> None:
    """Count on and off, where bytes lie, what versions refer to now and referred to before.

    A version that was purged, and whose bytes nobody refers to any more, then has them removed.
    Raises BlobGone where bytes are being removed that a version is to refer to.
    """
    changes = _locations(after)
    changes.subtract(_locations(before))
    wanted = {location: change for location, change in changes.items() if change}
    if not wanted:
        return
    now = await database.now()
    holders = await _holders(database, list(wanted), transaction)
    known = {each.key for holder in holders for each in holder.artifacts}
    for location, change in wanted.items():
        if change > 0 and location not in known:
            raise BlobGone(location)
    changed = [(holder, _counted(holder, wanted, now)) for holder in holders]
    await _write(database, changed, transaction)


async def each_borrower(database: Database, keys: Sequence[str]) -> AsyncGenerator[VersionRecord]:
    """Yield the versions of which bytes lie under these keys of another one, each once."""
    seen: set[str] = set()
    for portion in portions(keys):
        query: Document = {"artifacts.location": {"$in": portion}}
        found = database.versions.find(query).in_batches_of(_BORROWERS_AT_ONCE)
        async with aclosing(aiter(found)) as sharing:
            async for each in sharing:
                if each["_id"] not in seen:
                    seen.add(each["_id"])
                    yield VersionRecord.model_validate(each)


async def count_borrowers(
    database: Database, keys: Iterable[str], transaction: Transaction, *, but: str | None = None
) -> Counter[str]:
    """Return how many artifacts of versions that are not purged lie under each of these keys.

    Those of one version are not counted: `but` is its id.
    """
    counts: Counter[str] = Counter()
    fields = {"artifacts.location": 1, "deletion.purge_began_at": 1}
    for portion in portions(keys):
        asked = set(portion)
        query: Document = {"artifacts.location": {"$in": portion}}
        async for each in database.versions.find(query, fields, transaction=transaction):
            deletion: Document = each.get("deletion") or {}
            if deletion.get("purge_began_at") is None and each["_id"] != but:
                located = (artifact.get("location") for artifact in each["artifacts"])
                counts.update(location for location in located if location in asked)
    return counts


async def _holders(
    database: Database, keys: Sequence[str], transaction: Transaction
) -> list[VersionRecord]:
    found: dict[str, VersionRecord] = {}
    for portion in portions(keys):
        query: Document = {"artifacts.key": {"$in": portion}}
        for each in await database.versions.find(query, transaction=transaction).to_list():
            found[each["_id"]] = VersionRecord.model_validate(each)
    return list(found.values())


def _locations(versions: Iterable[VersionRecord]) -> Counter[str]:
    return Counter(
        each.location
        for version in versions
        for each in version.artifacts
        if each.location is not None
    )


def _counted(holder: VersionRecord, changes: Mapping[str, int], now: datetime) -> VersionRecord:
    artifacts: list[ArtifactRecord] = []
    is_free = False
    for each in holder.artifacts:
        change = changes.get(each.key, 0)
        if change > 0 and _is_gone(holder, each):
            raise BlobGone(each.key)
        count = max(0, each.references + change)
        is_free = is_free or (change < 0 and not count)
        artifacts.append(each.model_copy(update={"references": count}) if change else each)
    update: dict[str, object] = {"artifacts": artifacts}
    if is_free and is_purged(holder):
        update |= {"work": WorkRecord(kind="purge", due_at=now), "failure": None}
    return holder.model_copy(update=update)


def _is_gone(holder: VersionRecord, artifact: ArtifactRecord) -> bool:
    """Whether bytes are being removed, or storage was found to have lost them."""
    if is_purged(holder) and not artifact.references:
        return True
    was = holder.deletion.state_before if holder.deletion is not None else holder.state
    return was == "missing" and any(each.path == artifact.path for each in holder.reasons)


async def _write(
    database: Database,
    changed: Iterable[tuple[VersionRecord, VersionRecord]],
    transaction: Transaction,
) -> None:
    updates = [
        UpdateOne({"_id": after.id}, {"$set": fields})
        for before, after in changed
        if (fields := changed_fields(before, after))
    ]
    if updates:  # of bytes that are lost, the holder's record may be as well
        await database.versions.bulk_write(updates, transaction=transaction)
