"""Verified bytes that are stored, found so that nobody has to send them again."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from shared.database.client import Database
from shared.database.collection import Document, portions
from shared.database.visibility import within
from shared.domain.access.decision import NameFilter
from shared.domain.blobs import Bytes, bytes_of
from shared.domain.records import ArtifactRecord

MOST_SIZES = 50
"""Sizes of one upload's files that are asked for, each by a query."""
_LOOKED_AT = 20
"""Versions of one look for bytes, each of which may have 1,000 files."""
_LOOKS_IN_VAIN = 5
"""After so many that find nothing, such as where all have the bytes under other names, they are
sent."""


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
