"""Joining the parts of a completed upload into its objects."""

import asyncio

from registry.schemas import Reason
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.runtime.tasks import run_all
from shared.storage.adapter import Storage
from shared.storage.cleaning import AT_ONCE, abort_open_uploads
from shared.storage.connection import StorageMissing, StorageRefused


async def join_upload(record: VersionRecord, storage: Storage) -> list[Reason]:
    """Join the parts of every file; may be repeated, and done by several at once.

    Returns a reason for each file of which storage has neither the parts nor the object: it can
    never be joined. Raises storage errors.
    """
    slots = asyncio.Semaphore(AT_ONCE)

    async def join(artifact: ArtifactRecord) -> Reason | None:
        async with slots:
            return await _join(record.storage_group, artifact, storage)

    joins = (
        join(artifact)
        for artifact in record.artifacts
        if artifact.kind == "multipart"
        and artifact.state != "verified"
        and artifact.location is None
    )
    return [reason for reason in await run_all(joins) if reason is not None]


async def _join(bucket: str, artifact: ArtifactRecord, storage: Storage) -> Reason | None:
    multipart_id = artifact.multipart_id or ""
    try:
        if not multipart_id:
            raise StorageMissing("NoSuchUpload", f"{bucket}/{artifact.key}")
        parts = await storage.multipart.parts(bucket, artifact.key, multipart_id)
        await storage.multipart.complete(bucket, artifact.key, multipart_id, parts)
    except (StorageMissing, StorageRefused) as error:
        # Who joined before, or a retry of our own request, leaves NoSuchUpload or
        # PreconditionFailed to be answered: the object itself tells.
        if not await storage.listing.has(bucket, artifact.key):
            if isinstance(error, StorageMissing):
                detail = "storage has neither the parts of the file nor its object"
                return Reason(code="parts_lost", detail=detail, path=artifact.path)
            raise
    # A crash between making an upload and recording its id leaves a second one under the key.
    await abort_open_uploads(bucket, artifact.key, storage)
    return None
