"""Bytes that several versions have: stored once, under the key of the version that brought them.

An artifact whose bytes lie under another version's key has that key as its `location`. The artifact
that lies there, its holder, counts in `references` how many do. Whoever takes or gives back a
reference writes the holder's document, as whoever purges the holder does: of two at once, one is
tried again and sees what the other did.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from pymongo import UpdateOne

from shared.database.announcing import changed_fields
from shared.database.client import Database
from shared.database.collection import Document, Transaction, portions
from shared.database.visibility import within
from shared.domain.access.decision import NameFilter
from shared.domain.blobs import Bytes, bytes_of
from shared.domain.deletion import is_purged
from shared.domain.records import ArtifactRecord, VersionRecord, WorkRecord

MOST_SIZES = 50
"""Sizes of one upload's files that are asked for, each by a query."""
_LOOKED_AT = 20
"""Versions of one look for bytes, each of which may have 1,000 files."""
_LOOKS_IN_VAIN = 5
"""After so many that find nothing, such as where all have the bytes under other names, they are
sent."""
_BORROWERS_AT_ONCE = 20
"""Versions of one answer: they are handled before the next is asked for, within minutes."""


class BlobGone(Exception):
    """Bytes that were to be shared are being removed."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Verified bytes: the artifact that has them, by its version's id and its place there."""

    version_id: str
    index: int
    artifact: ArtifactRecord


async def find_blobs(
    database: Database, bucket: str, wanted: Iterable[Bytes], names: NameFilter
) -> dict[Bytes, Blob]:
    """Return an artifact with each of these bytes, where there is one.

    Only of ready versions of these names in the bucket. Raises DatabaseUnavailable.
    """
    missing = set(wanted)
    found: dict[Bytes, Blob] = {}
    for digests in portions(sorted({each.sha256 for each in missing})):
        asked = {each for each in missing if each.sha256 in digests}
        found |= await _look_for(database, bucket, asked, names)
    return found


async def find_digests(
    database: Database,
    bucket: str,
    sizes: Mapping[str, int | None],
    names: NameFilter,
) -> dict[str, Blob]:
    """Return by SHA-256 (hex) an artifact with these bytes, whatever its file is called.

    Only of ready versions of these names in the bucket, and where a size in bytes is given, of that
    size. Raises DatabaseUnavailable.
    """
    found: dict[str, Blob] = {}
    for digest, size in sizes.items() if names != NameFilter() else ():
        # Of one artifact: a version may have this digest as a claim, and verified ones beside it.
        one: Document = {"sha256": digest, "sha256_state": "verified"}
        if size is not None:
            one["size_bytes"] = size
        query = _verified(bucket, names) | {"artifacts.sha256": digest}
        document = await database.versions.find_one(query | {"artifacts": {"$elemMatch": one}})
        for blob in _blobs_of(document, [digest]) if document else ():
            if size in (None, blob.artifact.size_bytes):
                found.setdefault(digest, blob)
    return found


async def _look_for(
    database: Database, bucket: str, wanted: set[Bytes], names: NameFilter
) -> dict[Bytes, Blob]:
    """Look at one version after the other as long as something may be found, within bounds."""
    found: dict[Bytes, Blob] = {}
    looked_at: list[str] = []
    in_vain = 0
    while in_vain < _LOOKS_IN_VAIN and (missing := wanted - found.keys()):
        digests = sorted({each.sha256 for each in missing})
        query = _verified(bucket, names) | {"artifacts.sha256": {"$in": digests}}
        if looked_at:
            query["_id"] = {"$nin": looked_at}
        documents = await database.versions.find(query).limit(_LOOKED_AT).to_list()
        before = len(found)
        for document in documents:
            for blob in _blobs_of(document, digests):
                if (has := bytes_of(blob.artifact, blob.artifact.sha256 or "")) in missing:
                    found.setdefault(has, blob)
        if len(documents) < _LOOKED_AT:
            break
        looked_at += [document["_id"] for document in documents]
        in_vain = in_vain + 1 if len(found) == before else 0
    return found


async def known_sizes(
    database: Database, bucket: str, sizes: Iterable[int], names: NameFilter
) -> set[int]:
    """Return those sizes in bytes that some verified artifact has of ready versions of these names.

    The largest are asked for, and no more than some. Raises DatabaseUnavailable.
    """
    known: set[int] = set()
    for size in sorted(set(sizes), reverse=True)[:MOST_SIZES]:
        query = _verified(bucket, names) | {"artifacts.size_bytes": size}
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


def _verified(bucket: str, names: NameFilter) -> Document:
    # Without it the partial indexes are not used. Of which file each condition is true is looked
    # at afterwards.
    return {
        "artifacts.sha256_state": "verified",
        "state": "ready",
        "storage_group": bucket,
        **within(names, "model"),
    }


def _blobs_of(document: Document, digests: Iterable[str]) -> Iterator[Blob]:
    asked = set(digests)
    for index, each in enumerate(document["artifacts"]):
        if each.get("sha256") in asked and each.get("sha256_state") == "verified":
            yield Blob(document["_id"], index, ArtifactRecord.model_validate(each))


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
