"""The two ends of an upload session: completed, or aborted with nothing left behind.

Both are decided in the database, once: whoever comes second is told who was first.
"""

import asyncio
from typing import Literal

from registry.schemas import CompleteRequest, Reason, UploadSession
from services.ingest.context import Context
from services.ingest.uploads.plans import missing_parts, number_ranges
from services.ingest.uploads.sessions import read_again, require_open
from services.ingest.uploads.views import session_view
from shared.database.lifecycle import reject
from shared.database.sessions import complete_session, finish_join
from shared.domain.errors import Conflict, InvalidRequest, RegistryError
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.domain.sessions import GIVEN_UP, is_joining, refusal, session_state
from shared.runtime.logs import get_logger
from shared.runtime.tasks import run_all
from shared.storage.cleaning import AT_ONCE, drop_parts
from shared.storage.connection import StorageMissing
from shared.storage.joining import join_upload

log = get_logger(__name__)


async def complete_upload(
    record: VersionRecord, request: CompleteRequest, context: Context
) -> UploadSession:
    """Complete the session once all bytes are there, and join the parts; may be repeated.

    The version becomes ready when the indexer has verified each object. Raises Conflict
    "upload_incomplete" naming what is missing, with nothing joined, "upload_aborted",
    "upload_expired" or "version_rejected".
    """
    claims = _claims(request, record)
    if session_state(record, await context.database.now()) != "completed":
        await require_open(record, context)
        # 1. Look at every file before touching any, so that a refusal leaves all as it was.
        await _require_all_bytes(record, context)
        # 2. Decide it. From here on the parts are joined, by whomever.
        if await complete_session(context.database, record, claims):
            fields = {"model": record.model, "version": record.number, "upload_id": record.id}
            log.info("upload completed", **fields)
        record = await read_again(record, context)
        if session_state(record, await context.database.now()) != "completed":
            await require_open(record, context)
    # 3. Join the parts; the events of these objects set the indexer to work.
    if is_joining(record):
        await join_parts(record, context)
        record = await read_again(record, context)
    return await session_view(record, context)


async def abort_upload(record: VersionRecord, context: Context) -> None:
    """Reject the version and drop its parts; a worker removes its objects. May be repeated.

    Raises Conflict "upload_completed" once the session is completed, and "version_rejected".
    """
    if await _end(record, "aborted", "aborted by the uploader", context):
        return
    record = await read_again(record, context)
    conflict = refusal(record, await context.database.now())
    if conflict is not None and not (record.session and record.session.state in GIVEN_UP):
        raise conflict


async def expire_upload(record: VersionRecord, context: Context) -> None:
    """End a session whose time is over, as an abort does; nothing where it has ended otherwise."""
    await _end(record, "expired", "the upload session expired", context)


async def give_up_upload(record: VersionRecord, why: str, context: Context) -> None:
    """End a session that was never answered, as an abort does."""
    await _end(record, "aborted", why, context)


def _claims(request: CompleteRequest, record: VersionRecord) -> dict[int, str]:
    places = {artifact.path: index for index, artifact in enumerate(record.artifacts)}
    for path in request.sha256:
        if path not in places:
            raise InvalidRequest(f"sha256.{path}", "is not a file of this session")
    return {places[path]: sha256 for path, sha256 in request.sha256.items()}


async def _require_all_bytes(record: VersionRecord, context: Context) -> None:
    """Raise Conflict "upload_incomplete" where storage lacks bytes of a session that is open."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def look(artifact: ArtifactRecord) -> tuple[str, str]:
        async with slots:
            return artifact.path, await _lacking(record, artifact, context)

    found = await run_all(look(artifact) for artifact in record.artifacts)
    missing = {path: lacking for path, lacking in found if lacking}
    if not missing:
        return
    # Bytes are gone, too, where the session has ended meanwhile: then that is the reason.
    current = await read_again(record, context)
    if session_state(current, await context.database.now()) == "completed":
        return
    await require_open(current, context)
    detail = "; ".join(f"{path!r} lacks {what}" for path, what in missing.items())
    raise Conflict("upload_incomplete", detail, missing=missing)


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
    is_there = await context.storage.listing.has(record.storage_group, artifact.key)
    return "" if is_there else "its bytes"


async def join_parts(record: VersionRecord, context: Context) -> None:
    """Join the parts. Where storage fails, a worker does it: the session is completed already."""
    try:
        lost = await join_upload(record, context.storage)
    except RegistryError as error:
        log.warning("parts not joined yet", upload_id=record.id, detail=error.detail)
        return
    if lost:
        if (rejected := await reject(context.database, record.id, lost[0])) is not None:
            context.counts.version_settled(rejected)
    else:
        await finish_join(context.database, record.id)


async def _end(
    record: VersionRecord, state: Literal["aborted", "expired"], detail: str, context: Context
) -> bool:
    reason = Reason(code=f"upload_{state}", detail=detail)
    ended = await reject(context.database, record.id, reason, session_state=state)
    if ended is None:
        return False
    context.counts.version_settled(ended)
    log.info(f"upload {state}", model=record.model, version=record.number, upload_id=record.id)
    # What `ended` tells, not `record`: parts may have been signed since. Whole objects are a
    # worker's to remove, which this service has no right to; so are parts where storage fails, or
    # denies them since the storage group was let go. The end is decided already.
    try:
        await drop_parts(ended, context.storage)
    except RegistryError as error:
        log.warning("parts not dropped yet", upload_id=record.id, detail=error.detail)
    return True
