"""The two ends of an upload session: completed, or aborted with nothing left behind."""

from datetime import datetime
from typing import Literal

from registry.schemas import CompleteRequest, Reason, UploadSession
from services.ingest.context import Context
from services.ingest.uploads.plans import missing_parts, number_ranges
from services.ingest.uploads.sessions import find_session, require_open
from services.ingest.uploads.views import session_view
from shared.database.lifecycle import reject
from shared.domain.errors import Conflict, InvalidRequest
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.runtime.logs import get_logger
from shared.storage.cleaning import clean_at_once
from shared.storage.connection import StorageMissing, StorageRefused

log = get_logger(__name__)


async def complete_upload(
    upload_id: str, request: CompleteRequest, context: Context
) -> UploadSession:
    """Join the parts of every file, once all bytes are there; may be repeated.

    The version becomes ready when the indexer has verified each object. Raises Conflict
    "upload_incomplete" naming what is missing, with nothing joined, or "upload_aborted".
    """
    record = await find_session(upload_id, context)
    claims = _claims(request, record)
    now = await context.database.now()
    if record.state != "pending":
        _refuse_aborted(record, now)
        return await session_view(record, context)
    require_open(record, now, also_completed=True)
    # 1. Look at every file before touching any, so that a refusal leaves all as it was.
    missing: dict[str, str] = {}
    for artifact in record.artifacts:
        if lacking := await _lacking(record, artifact, context):
            missing[artifact.path] = lacking
    if missing:
        detail = "; ".join(f"{path!r} lacks {what}" for path, what in missing.items())
        raise Conflict("upload_incomplete", detail, missing=missing)
    # 2. Join the parts; the events of these objects set the indexer to work.
    for artifact in record.artifacts:
        if artifact.kind == "multipart":
            await _join(record, artifact, context)
    # 3. Remember it.
    await context.versions.complete_session(upload_id, claims)
    log.info("upload completed", model=record.model, version=record.number, upload_id=upload_id)
    return await session_view(await find_session(upload_id, context), context)


async def abort_upload(upload_id: str, context: Context) -> None:
    """Reject the version and remove its bytes; may be repeated.

    Raises Conflict "upload_completed" once the session is completed or the version settled.
    """
    record = await find_session(upload_id, context)
    session = record.session
    if session is not None and session.state in ("aborted", "expired"):
        return
    completed = session is not None and session.state == "completed"
    if completed or not await _end(record, "aborted", "aborted by the uploader", context):
        raise Conflict("upload_completed", f"upload {upload_id} is complete; it cannot be aborted")


async def expire_upload(record: VersionRecord, context: Context) -> None:
    """End a session whose time is over, as an abort does."""
    await _end(record, "expired", "the upload session expired", context)


def _claims(request: CompleteRequest, record: VersionRecord) -> dict[int, str]:
    places = {artifact.path: index for index, artifact in enumerate(record.artifacts)}
    for path in request.sha256:
        if path not in places:
            raise InvalidRequest(f"sha256.{path}", "is not a file of this session")
    return {places[path]: sha256 for path, sha256 in request.sha256.items()}


def _refuse_aborted(record: VersionRecord, now: datetime) -> None:
    if record.session is not None and record.session.state in ("aborted", "expired"):
        require_open(record, now)


async def _lacking(record: VersionRecord, artifact: ArtifactRecord, context: Context) -> str:
    """Say what storage lacks of a file: nothing, parts by number, or the whole."""
    if artifact.state == "verified":
        return ""
    if artifact.kind == "multipart":
        if artifact.multipart_id is None:
            return f"parts {number_ranges(missing_parts(artifact, ()))}"
        try:
            parts = await context.storage.multipart.parts(
                record.storage_group, artifact.key, artifact.multipart_id
            )
        except StorageMissing:
            pass  # joined already, or aborted: the object itself tells
        else:
            absent = missing_parts(artifact, ((part.number, part.size_bytes) for part in parts))
            return f"parts {number_ranges(absent)}" if absent else ""
    found = await context.storage.objects.head(record.storage_group, artifact.key)
    return "" if found else "its bytes"


async def _join(record: VersionRecord, artifact: ArtifactRecord, context: Context) -> None:
    """Complete one multipart upload; quiet where an earlier or parallel call already did."""
    bucket, key, multipart_id = record.storage_group, artifact.key, artifact.multipart_id or ""
    try:
        parts = await context.storage.multipart.parts(bucket, key, multipart_id)
        await context.storage.multipart.complete(bucket, key, multipart_id, parts)
    except (StorageMissing, StorageRefused):
        # A retried Complete may be told NoSuchUpload or PreconditionFailed after its success.
        if await context.storage.objects.head(bucket, key) is None:
            raise


async def _end(
    record: VersionRecord, state: Literal["aborted", "expired"], detail: str, context: Context
) -> bool:
    reason = Reason(code=f"upload_{state}", detail=detail)
    ended = await reject(context.database, record.id, reason, session_state=state)
    if ended is None:
        return False
    # What `ended` tells, not `record`: parts may have been signed since.
    await clean_at_once(ended, context.storage, context.database)
    log.info(f"upload {state}", model=record.model, version=record.number, upload_id=record.id)
    return True
