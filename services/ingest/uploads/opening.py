"""Opening and reading upload sessions.

A session is the uploader's view of a pending version: both are one document, so an upload intent
and its version cannot disagree.
"""

from datetime import datetime, timedelta

from registry.schemas import UploadRequest, UploadSession
from registry.schemas.links import Link
from services.ingest.context import Context
from services.ingest.lineage.requested import requested_links
from services.ingest.uploads.completion import expire_upload, give_up_upload
from services.ingest.uploads.plans import plan_artifact
from services.ingest.uploads.request_digest import is_same_request, request_digest
from services.ingest.uploads.reuse import forget_draft, sizes_known, with_stored_bytes
from services.ingest.uploads.sessions import read_again
from services.ingest.uploads.views import session_view
from shared.database.lifecycle import settle_whole
from shared.database.opening import open_version
from shared.database.references import BlobGone
from shared.database.rules import read_effective
from shared.database.sessions import add_upload_token
from shared.domain.access.decision import NameFilter
from shared.domain.access.tokens import TokenText
from shared.domain.errors import Conflict, IdempotencyKeyReused
from shared.domain.lineage.links import with_links
from shared.domain.records import SessionRecord, VersionRecord, new_id
from shared.domain.sessions import session_state
from shared.domain.version_rules import require_allowed
from shared.runtime.logs import get_logger
from shared.runtime.telemetry.attributes import version_attributes
from shared.runtime.telemetry.tracing import current_span
from shared.storage.groups import Making, nobody_may, unknown_group
from shared.storage.manifests import keep_manifest

log = get_logger(__name__)

NOTHING = NameFilter()


async def open_upload(
    request: UploadRequest,
    idempotency_key: str | None,
    owner: str,
    context: Context,
    *,
    readable: NameFilter = NOTHING,
    making_group: Making = nobody_may,
) -> tuple[UploadSession, bool]:
    """Open a session, or find the one that the owner's key opened; the flag says if it is new.

    Files whose bytes are stored already, in versions of the `readable` names, refer to them. A new
    storage group is made inside `making_group`, which refuses it to who may not. Raises Conflict
    "version_exists" or "rule_immutable_labels", IdempotencyKeyReused, RuleBroken, InvalidRequest
    for a storage group, and NotFound for a parent; whether the caller may read it is asked before.
    """
    if idempotency_key and (earlier := await _earlier(idempotency_key, request, owner, context)):
        if earlier.deletion is None:  # else it is to go
            await keep_manifest(earlier, context.storage, context.settings)
        return await _told_again(earlier, readable, context), False
    require_allowed(await read_effective(context.database, request.model), request)
    bucket = await context.groups.resolve(request.storage_group, making_group)
    now = await context.database.now()  # one clock for the session's life, whoever ends it
    draft = _draft(request, bucket, now, context)
    token = TokenText.of_upload(draft.id)
    draft = draft.model_copy(
        update={
            "session": _session(request, idempotency_key, owner, token, now, context),
            "lineage": await _lineage(request, owner, context),
        }
    )
    number = request.version if isinstance(request.version, int) else None
    try:
        record = await _open(draft, number, request, readable, context)
    except Conflict as conflict:
        if conflict.code != "idempotency_key_taken" or not idempotency_key:
            raise
        # The same request at the same moment won: answer its session.
        winner = await _earlier(idempotency_key, request, owner, context)
        if winner is None:
            raise
        await keep_manifest(winner, context.storage, context.settings)
        return await _told_again(winner, readable, context), False
    if not await context.groups.has(bucket):
        # An operator removes the group at this moment: either they see the version, or we see that.
        await give_up_upload(record, "the storage group was removed", context)
        raise unknown_group(bucket)
    _tell_opened(record)
    # Before the session is answered, or the version is ready: who never got it has no metadata to
    # lose.
    await keep_manifest(record, context.storage, context.settings)
    record = await settle_whole(context.database, record, context.counts.version_settled)
    known = await sizes_known(record, readable, context)
    view = await session_view(record, context, fresh=True, token=str(token), known_sizes=known)
    return view, True


def _tell_opened(record: VersionRecord) -> None:
    if (span := current_span()) is not None:
        span.set(version_attributes(record))
    log.info(
        "upload opened",
        model=record.model,
        version=record.number,
        upload_id=record.id,
        files=len(record.artifacts),
        size_bytes=record.size_bytes,
    )


async def _open(
    draft: VersionRecord,
    number: int | None,
    request: UploadRequest,
    readable: NameFilter,
    context: Context,
) -> VersionRecord:
    """Record the version; files whose bytes are stored already refer to them."""
    digests = {i: file.sha256 for i, file in enumerate(request.files) if file.sha256 is not None}
    referring = await with_stored_bytes(draft, digests, readable, context)
    try:
        return await open_version(context.database, referring, number=number)
    except BlobGone as gone:
        log.info("bytes are being removed", upload_id=draft.id, key=str(gone))
        await forget_draft(referring, context)
        return await open_version(context.database, draft, number=number)
    except Conflict:
        await forget_draft(referring, context)
        raise


async def _lineage(request: UploadRequest, owner: str, context: Context) -> list[Link]:
    if request.lineage is None:
        return []
    return with_links((), await requested_links(request.lineage, owner, context))


async def _told_again(
    record: VersionRecord, readable: NameFilter, context: Context
) -> UploadSession:
    """Return a session that was opened before, with a new token: earlier ones are not kept."""
    record = await settle_whole(context.database, record, context.counts.version_settled)
    if session_state(record, await context.database.now()) != "open":
        return await session_view(record, context)
    token = TokenText.of_upload(record.id)
    await add_upload_token(context.database, record.id, token.digest)
    known = await sizes_known(record, readable, context)
    return await session_view(record, context, token=str(token), known_sizes=known)


async def _earlier(
    key: str, request: UploadRequest, owner: str, context: Context
) -> VersionRecord | None:
    """Return the session that the key of this owner opened, unless it ended without a version.

    One that is completed, or whose version is ready, is answered for ever.
    """
    record = await context.versions.by_idempotency_key(key, owner, request.model)
    if record is None or record.session is None:
        return None
    if not is_same_request(request, record.session.request_digest):
        raise IdempotencyKeyReused
    state = session_state(record, await context.database.now())
    if state == "expired" and record.session.state == "open":
        await expire_upload(record, context)
        record = await read_again(record, context)  # it may have been completed first
        state = session_state(record, await context.database.now())
    return record if state in ("open", "completed") else None


def _session(
    request: UploadRequest,
    key: str | None,
    owner: str,
    token: TokenText,
    now: datetime,
    context: Context,
) -> SessionRecord:
    ttl = timedelta(seconds=context.settings.upload_session_ttl_seconds)
    return SessionRecord(
        expires_at=now + ttl,
        idempotency_key=key,
        request_digest=request_digest(request),
        owner=owner,
        secret=new_id(),
        token_sha256=[token.digest],
    )


def _draft(request: UploadRequest, bucket: str, now: datetime, context: Context) -> VersionRecord:
    return VersionRecord(
        id=new_id(),
        model=request.model,
        number=0,
        label=request.version if isinstance(request.version, str) else None,
        client_id=request.client_id,
        source="upload",
        storage_group=bucket,
        artifacts=[plan_artifact(file, context.settings) for file in request.files],
        description=request.description,
        framework=request.framework,
        metrics=request.metrics,
        parameters=request.parameters,
        tags=request.tags,
        properties=request.properties,
        size_bytes=sum(file.size_bytes for file in request.files),
        created_at=now,
    )
