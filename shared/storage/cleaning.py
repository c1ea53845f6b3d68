"""Removing what an upload that ended left in storage."""

import asyncio
from collections.abc import Mapping

from shared.domain.object_keys import folder_of
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.domain.sessions import GIVEN_UP
from shared.runtime.tasks import run_all
from shared.storage.adapter import Storage
from shared.storage.connection import StorageUnavailable
from shared.storage.listing import ListedObject

AT_ONCE = 16
"""Files of one version that are worked on at the same time."""
_LISTINGS = 5
"""How often a version's objects are listed until there are none."""
_VERSIONS_OF_A_KEY = 100
"""Objects under one key that are removed in one go; there is one, unless somebody else writes."""


async def clean_upload(record: VersionRecord, storage: Storage) -> None:
    """Remove the parts of an upload, and its objects where it was given up; may be repeated.

    Of files whose bytes lie elsewhere, too, what came under their own keys. The objects of a
    version that was rejected for what they are stay. Raises storage errors.
    """
    given_up = record.session is not None and record.session.state in GIVEN_UP
    slots = asyncio.Semaphore(AT_ONCE)

    async def clean(artifact: ArtifactRecord) -> None:
        async with slots:
            if artifact.kind == "multipart":
                await _abort_parts(record.storage_group, artifact, storage)
            if given_up or artifact.location is not None:
                await remove_object(record.storage_group, artifact.key, storage)

    await run_all(clean(artifact) for artifact in record.artifacts)


async def remove_version(record: VersionRecord, storage: Storage) -> int:
    """Remove the objects of a version and its parts, but those that others refer to.

    Also what is hidden by delete markers, or lies below what was written later. Returns how many
    bytes that were; may be repeated. Raises storage errors.
    """
    slots = asyncio.Semaphore(AT_ONCE)

    async def drop(artifact: ArtifactRecord) -> None:
        async with slots:
            await _abort_parts(record.storage_group, artifact, storage)

    await run_all(drop(each) for each in record.artifacts if each.kind == "multipart")
    artifacts = {each.key: each for each in record.artifacts}
    freed = 0
    for attempt in range(_LISTINGS):
        removed = [
            each
            for folder in sorted({folder_of(key) for key in artifacts})
            for each in await _remove_listed(
                record.storage_group, folder, artifacts, storage, attempt
            )
        ]
        freed += sum(removed)
        if not removed:
            return freed
    raise StorageUnavailable("objects come as fast as they are removed")


async def _remove_listed(
    bucket: str,
    folder: str,
    artifacts: Mapping[str, ArtifactRecord],
    storage: Storage,
    attempt: int,
) -> list[int]:
    """Remove what a folder has of these artifacts; returns the sizes in bytes."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def remove(found: ListedObject) -> int:
        async with slots:
            # One that has no version's id is the only one, or lies below the marker that the first
            # attempt left, where the bucket keeps versions by now: then "null" names it.
            hidden = "null" if attempt else None
            await storage.objects.remove(bucket, found.key, found.object_version or hidden)
            return found.size_bytes

    sizes: list[int] = []
    async for page in storage.listing.versions(bucket, prefix=folder):
        sizes += await run_all(remove(each) for each in page if _is_free(each, artifacts))
    return sizes


def _is_free(found: ListedObject, artifacts: Mapping[str, ArtifactRecord]) -> bool:
    """Whether an object is one of these artifacts', and nobody refers to it."""
    artifact = artifacts.get(found.key)
    if artifact is None:
        return False
    pinned = artifact.object_version
    return not artifact.references or pinned not in (None, found.object_version)


async def drop_parts(record: VersionRecord, storage: Storage) -> None:
    """Drop the parts of an upload alone; may be repeated. Raises storage errors."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def drop(artifact: ArtifactRecord) -> None:
        async with slots:
            await _abort_parts(record.storage_group, artifact, storage)

    await run_all(drop(each) for each in record.artifacts if each.kind == "multipart")


async def abort_open_uploads(bucket: str, key: str, storage: Storage) -> None:
    """Abort every multipart upload that is open under exactly this key; raises storage errors."""
    aborted: set[str] = set()
    while True:
        pages = storage.multipart.open_uploads(bucket, prefix=key)
        found = {each.multipart_id async for page in pages for each in page if each.key == key}
        if found <= aborted:
            return
        for multipart_id in found - aborted:
            await storage.multipart.abort(bucket, key, multipart_id)
        aborted |= found


async def _abort_parts(bucket: str, artifact: ArtifactRecord, storage: Storage) -> None:
    if artifact.multipart_id is not None:
        await storage.multipart.abort(bucket, artifact.key, artifact.multipart_id)
    # Also what was made and never recorded.
    await abort_open_uploads(bucket, artifact.key, storage)


async def remove_object(bucket: str, key: str, storage: Storage) -> None:
    """Remove every object under exactly this key; raises storage errors."""
    for _ in range(_VERSIONS_OF_A_KEY):
        found = await storage.objects.head(bucket, key)
        if found is None:
            return
        await storage.objects.remove(bucket, key, found.object_version)
