"""Whether the objects of a version that was ready are in storage, exactly as they were verified."""

from registry.schemas import Reason
from services.indexer.reconcile.pace import Round
from shared.database.lifecycle import mark_missing, mark_present
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.runtime.logs import get_logger
from shared.runtime.tasks import run_all
from shared.storage.connection import StorageMissing
from shared.storage.objects import StoredObject

log = get_logger(__name__)


async def look(version: VersionRecord, walk: Round) -> None:
    """Ask storage for each object of a ready or missing version, and record what changed."""
    lost = [
        reason
        for reason in await run_all(
            _lost(version, artifact, walk) for artifact in version.artifacts
        )
        if reason is not None
    ]
    if bool(lost) == (version.state == "missing"):
        return
    database = walk.context.database
    fields = {"model": version.model, "version": version.number, "version_id": version.id}
    if lost:
        await _heed_bucket(version.storage_group, walk)
        if not walk.dry:
            missing = await mark_missing(database, version.id, lost)
            if missing is None:
                return
            walk.context.counts.version_settled(missing)
        walk.report.missing += 1
        log.error("objects missing", paths=[reason.path for reason in lost], **fields)
    else:
        if not walk.dry:
            present = await mark_present(database, version.id)
            if present is None:
                return
            walk.context.counts.version_settled(present)
        walk.report.restored += 1
        log.info("objects are back", **fields)


async def _heed_bucket(bucket: str, walk: Round) -> None:
    """Raise StorageMissing where the whole bucket is gone since the walk began.

    That is rather a wrong address than that all its objects were removed.
    """
    await walk.pace.acquire()
    if not await walk.context.storage.buckets.exists(bucket):
        raise StorageMissing("NoSuchBucket", bucket)


async def _lost(version: VersionRecord, artifact: ArtifactRecord, walk: Round) -> Reason | None:
    await walk.pace.acquire()  # before a slot is taken: events wait for those
    async with walk.context.storage_slots:
        found = await walk.context.storage.objects.head(
            version.storage_group, artifact.stored_key, artifact.object_version
        )
    if found is None:
        detail = "the object that was verified is not in storage"
        return Reason(code="object_missing", detail=detail, path=artifact.path)
    if found.etag != artifact.etag or _is_refuted(found, artifact):
        detail = "storage has another object under the key than the one that was verified"
        return Reason(code="object_replaced", detail=detail, path=artifact.path)
    return None


def _is_refuted(found: StoredObject, artifact: ArtifactRecord) -> bool:
    """Whether storage attests another digest by now; an etag alone need not tell of the bytes."""
    if found.size_bytes != artifact.size_bytes:
        return True
    if found.sha256 is not None and artifact.sha256_state == "verified":
        return found.sha256 != artifact.sha256
    if found.composite is not None and artifact.composite is not None:
        return found.composite != artifact.composite.value
    return False
