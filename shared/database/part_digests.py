"""The collection `part_digests`: one document for each verified artifact of more than one part.

They are kept apart from the version: 10,000 digests are 320 kB, which every read of the version
would carry.
"""

from collections.abc import Mapping, Sequence

from pymongo import DeleteOne

from shared.database.client import Database
from shared.database.collection import Document, find_each
from shared.domain.part_digests import PartDigests


async def keep_part_digests(
    database: Database, version_id: str, found: Mapping[int, PartDigests]
) -> None:
    """Keep the digests by artifact index; again changes nothing. Raises DatabaseUnavailable.

    They are written before the version becomes ready, so that a ready one has them.
    """
    for index, parts in found.items():
        document: Document = {
            "version_id": version_id,
            "part_size_bytes": parts.part_size_bytes,
            "digests": parts.digests,
        }
        await database.part_digests.replace_one(
            {"_id": _id(version_id, index)}, document, upsert=True
        )


async def read_part_digests(
    database: Database, version_id: str, indexes: Sequence[int]
) -> dict[int, PartDigests]:
    """Return what is kept of these artifacts, by their index; raises DatabaseUnavailable."""
    ids = {_id(version_id, index): index for index in indexes}
    return {
        ids[found["_id"]]: PartDigests(found["part_size_bytes"], bytes(found["digests"]))
        async for found in find_each(database.part_digests, "_id", ids)
    }


async def forget_part_digests(database: Database, version_id: str, artifacts: int) -> None:
    """Forget what is kept of the first so many artifacts of a version."""
    ids = [_id(version_id, index) for index in range(artifacts)]
    if ids:
        await database.part_digests.bulk_write([DeleteOne({"_id": each}) for each in ids])


def _id(version_id: str, index: int) -> str:
    return f"{version_id}/{index}"
