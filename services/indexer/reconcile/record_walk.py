"""From the records to the bucket: uploads that are over, and objects that are gone."""

from registry.schemas import Reason
from services.indexer.reconcile.pace import Round
from shared.database.lifecycle import mark_missing, mark_present, reject
from shared.database.models import list_models
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.runtime.logs import get_logger
from shared.runtime.tasks import run_all

PAGE = 200

log = get_logger(__name__)


async def walk_records(buckets: set[str], walk: Round) -> None:
    """Compare every version in these buckets with storage, page by page."""
    name: str | None = None
    while models := await list_models(walk.context.database, after=name, limit=PAGE):
        for model in models:
            await _walk_model(model.name, buckets, walk)
        name = models[-1].name


async def _walk_model(model: str, buckets: set[str], walk: Round) -> None:
    number = 0
    while page := await walk.context.versions.records_of(model, after=number, limit=PAGE):
        walk.report.records += len(page)
        await run_all(_compare(each, walk) for each in page if each.storage_group in buckets)
        number = page[-1].number


async def _compare(version: VersionRecord, walk: Round) -> None:
    if version.state == "pending" and version.session is not None:
        # Over before the walk began: what came in time was in the bucket when that was walked.
        # Only an open one is over: parts of a completed one may be joined at this moment.
        is_open = version.session.state == "open"
        if is_open and version.session.expires_at <= walk.report.started_at:
            await _expire(version, walk)
    elif version.state in ("ready", "missing"):
        await _look(version, walk)


async def _expire(version: VersionRecord, walk: Round) -> None:
    """End an upload whose time is over; what it left in storage becomes work for a worker."""
    reason = Reason(code="upload_expired", detail="the upload session expired")
    if not walk.dry:
        database = walk.context.database
        if await reject(database, version.id, reason, session_state="expired") is None:
            return  # it was settled meanwhile
    walk.report.expired += 1
    log.info("upload expired", **_fields(version))


async def _look(version: VersionRecord, walk: Round) -> None:
    """Look whether the objects of a version that was ready are there, exactly as verified."""
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
    if lost:
        if not walk.dry and await mark_missing(database, version.id, lost) is None:
            return
        walk.report.missing += 1
        log.error("objects missing", paths=[reason.path for reason in lost], **_fields(version))
    else:
        if not walk.dry and await mark_present(database, version.id) is None:
            return
        walk.report.restored += 1
        log.info("objects are back", **_fields(version))


async def _lost(version: VersionRecord, artifact: ArtifactRecord, walk: Round) -> Reason | None:
    async with walk.context.storage_slots:
        await walk.pace.acquire()
        found = await walk.context.storage.objects.head(
            version.storage_group, artifact.key, artifact.object_version
        )
    if found is None:
        detail = "the object that was verified is not in storage"
        return Reason(code="object_missing", detail=detail, path=artifact.path)
    if found.etag != artifact.etag:
        detail = "storage has another object under the key than the one that was verified"
        return Reason(code="object_replaced", detail=detail, path=artifact.path)
    return None


def _fields(version: VersionRecord) -> dict[str, object]:
    return {"model": version.model, "version": version.number, "version_id": version.id}
