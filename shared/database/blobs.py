"""Bytes that several versions have: stored once, under the key of the version that brought them.

An artifact whose bytes lie under another version's key has that key as its `location`. The artifact
that lies there, its holder, counts in `references` how many do. Whoever takes or gives back a
reference writes the holder's document, as whoever purges the holder does: of two at once, one is
tried again and sees what the other did.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from pymongo import UpdateOne

from shared.database.announcing import changed_fields
from shared.database.client import Database
from shared.database.collection import Document, Transaction, portions
from shared.database.visibility import within
from shared.domain.access.decision import NameFilter
from shared.domain.deletion import is_purged
from shared.domain.records import ArtifactRecord, VersionRecord, WorkRecord

_CANDIDATES = 20
"""Versions that are looked at for each digest at most."""
_AT_ONCE = 8
"""Versions of one answer: with 1,000 files each they take some 4 MB."""
MOST_SIZES = 50
"""Sizes of one upload's files that are asked for, each by a query."""


class BlobGone(Exception):
    """Bytes that were to be shared are being removed."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Verified bytes: the artifact that has them, by its version's id and its place there."""

    version_id: str
    index: int
    artifact: ArtifactRecord


async def find_blobs(
    database: Database, bucket: str, wanted: Mapping[str, int], names: NameFilter
) -> dict[str, list[Blob]]:
    """Return by SHA-256 (hex) some artifacts with these bytes; `wanted` gives the size of each.

    Only those of ready versions of these names in the bucket, and not all where many have them:
    versions may be large. Raises DatabaseUnavailable.
    """
    found: dict[str, list[Blob]] = defaultdict(list)
    for portion in portions(sorted(wanted)):
        sizes = sorted({wanted[each] for each in portion})
        query = _verified(bucket, sizes, names) | {"artifacts.sha256": {"$in": portion}}
        cursor = database.versions.find(query).limit(_CANDIDATES * len(portion))
        async with aclosing(aiter(cursor.in_batches_of(_AT_ONCE))) as versions:
            async for each in versions:
                _add_blobs(VersionRecord.model_validate(each), wanted, found)
                if all(digest in found for digest in portion):
                    break
    return found


def _add_blobs(
    version: VersionRecord, wanted: Mapping[str, int], found: dict[str, list[Blob]]
) -> None:
    for index, artifact in enumerate(version.artifacts):
        digest = artifact.sha256
        if digest is None or artifact.sha256_state != "verified":
            continue
        if wanted.get(digest) == artifact.size_bytes:
            found[digest].append(Blob(version.id, index, artifact))


async def known_sizes(
    database: Database, bucket: str, sizes: Iterable[int], names: NameFilter
) -> set[int]:
    """Return those sizes in bytes that some verified artifact has of ready versions of these names.

    The largest are asked for, and no more than some. Raises DatabaseUnavailable.
    """
    known: set[int] = set()
    for size in sorted(set(sizes), reverse=True)[:MOST_SIZES]:
        query = _verified(bucket, [size], names)
        if await database.versions.find_one(query, {"_id": 1}) is not None:
            known.add(size)
    return known


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


async def borrowers(
    database: Database,
    keys: Sequence[str],
    *,
    limit: int,
    transaction: Transaction | None = None,
) -> list[VersionRecord]:
    """Return up to `limit` versions of which bytes lie under these keys of another one."""
    found: dict[str, VersionRecord] = {}
    for portion in portions(keys):
        query: Document = {"artifacts.location": {"$in": portion}}
        sharing = database.versions.find(query, transaction=transaction).limit(limit)
        for each in await sharing.to_list():
            found[each["_id"]] = VersionRecord.model_validate(each)
    return list(found.values())[:limit]


def _verified(bucket: str, sizes: Sequence[int], names: NameFilter) -> Document:
    return {
        "artifacts.size_bytes": {"$in": list(sizes)},
        "artifacts.sha256_state": "verified",
        "state": "ready",
        "storage_group": bucket,
        **within(names, "model"),
    }


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
        if change > 0 and is_purged(holder) and not each.references:
            raise BlobGone(each.key)
        count = max(0, each.references + change)
        is_free = is_free or (change < 0 and not count)
        artifacts.append(each.model_copy(update={"references": count}) if change else each)
    update: dict[str, object] = {"artifacts": artifacts}
    if is_free and is_purged(holder):
        update["work"] = WorkRecord(kind="purge", due_at=now)
    return holder.model_copy(update=update)


async def _write(
    database: Database,
    changed: Iterable[tuple[VersionRecord, VersionRecord]],
    transaction: Transaction,
) -> None:
    updates = [
        UpdateOne({"_id": after.id}, {"$set": changed_fields(before, after)})
        for before, after in changed
    ]
    await database.versions.bulk_write(updates, transaction=transaction)
