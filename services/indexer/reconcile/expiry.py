"""Uploads whose time is over, found by an index: nobody waits for a walk through everything."""

from contextlib import aclosing

from registry.schemas import Reason
from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.events.indexing import index_objects
from services.indexer.reconcile.pace import Round
from shared.database.lifecycle import reject
from shared.database.sessions import overdue_sessions
from shared.database.staged import end_staged, forget_staged, overdue_staged
from shared.domain.records import VersionRecord
from shared.domain.staging import StagedRecord
from shared.runtime.logs import get_logger
from shared.storage.cleaning import abort_open_uploads

log = get_logger(__name__)


async def expire_overdue(buckets: set[str], walk: Round) -> None:
    """End the uploads in these buckets that are over; what they left becomes work for a worker."""
    overdue = overdue_sessions(walk.context.database, walk.report.started_at)
    async with aclosing(overdue) as versions:
        async for version in versions:
            if version.state == "pending" and version.storage_group in buckets:
                async with walk.telling(f"upload {version.id}"):
                    await _expire(version, walk)


async def expire_staged(buckets: set[str], walk: Round) -> None:
    """Drop the bytes in these buckets that no commit took in their time."""
    overdue = overdue_staged(walk.context.database, walk.report.started_at)
    async with aclosing(overdue) as staged:
        async for each in staged:
            if each.bucket in buckets:
                async with walk.telling(f"staged bytes {each.id}"):
                    await _drop(each, walk)


async def _drop(staged: StagedRecord, walk: Round) -> None:
    database, storage = walk.context.database, walk.context.storage
    if not walk.dry:
        if not await end_staged(database, staged.id):
            return  # a version has them by now
        await walk.pace.acquire()
        if staged.multipart_id is not None:
            await storage.multipart.abort(staged.bucket, staged.key, staged.multipart_id)
        await abort_open_uploads(staged.bucket, staged.key, storage)  # what was not recorded
        await forget_staged(database, staged.id)
        log.info("staged bytes dropped", model=staged.model, key=staged.key)
    walk.report.aborted_uploads += 1


async def _expire(version: VersionRecord, walk: Round) -> None:
    # It may have all its bytes, and only lack the event.
    written = await _written(version, walk)
    if walk.dry:
        is_whole = len(written) == sum(each.etag is None for each in version.artifacts)
        walk.report.indexed += is_whole
        walk.report.expired += not is_whole
        return
    if written:
        walk.report.indexed += len((await index_objects(written, walk.context)).changed)
    now = await walk.context.versions.get(version.id)
    if now is None or now.state != "pending":
        return
    reason = Reason(code="upload_expired", detail="the upload session expired")
    ended = await reject(walk.context.database, version.id, reason, session_state="expired")
    if ended is None:
        return  # it was settled meanwhile
    walk.context.counts.version_settled(ended)
    walk.report.expired += 1
    fields = {"model": version.model, "version": version.number, "version_id": version.id}
    log.info("upload expired", **fields)


async def _written(version: VersionRecord, walk: Round) -> list[ObjectWritten]:
    """Return the objects of the upload that are there, though no event told."""
    written: list[ObjectWritten] = []
    for artifact in version.artifacts:
        if artifact.etag is not None:
            continue
        await walk.pace.acquire()
        async with walk.context.storage_slots:
            found = await walk.context.storage.objects.head(version.storage_group, artifact.key)
        if found is not None:
            written.append(ObjectWritten(version.storage_group, artifact.key, found.object_version))
    return written
