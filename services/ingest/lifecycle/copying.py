"""Copying a version to another model: no byte moves, its files refer to those that are there."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from registry.schemas import CopyRequest, Version
from registry.schemas.metadata import VersionMetadata
from services.ingest.context import Context
from services.ingest.lifecycle.lifecycle import Named
from services.ingest.uploads.reuse import copy_part_digests, forget_draft
from shared.database.blobs import Blob
from shared.database.lifecycle import settle_whole
from shared.database.naming import find_named
from shared.database.opening import open_version
from shared.database.references import BlobGone
from shared.database.rules import read_effective
from shared.domain.access.actions import Action
from shared.domain.access.audit import Change
from shared.domain.blobs import copied
from shared.domain.errors import Conflict, IdempotencyKeyReused
from shared.domain.records import SessionRecord, VersionRecord, new_id
from shared.domain.version_rules import require_version
from shared.runtime.logs import get_logger
from shared.storage.manifests import keep_manifest

log = get_logger(__name__)


async def copy_version(
    named: Named,
    at: datetime | None,
    request: CopyRequest,
    idempotency_key: str | None,
    context: Context,
) -> Version:
    """Make a ready version of another model, or a further one of the same, with the same files.

    With `at`, of the one that the alias pointed at then.

    Metadata go with it, aliases do not. The key finds the copy that it made before, whatever became
    of the version that was copied, or of its alias. Raises NotFound, Forbidden where the caller may
    not upload to that model, Conflict "version_not_ready" and "version_exists",
    IdempotencyKeyReused.
    """
    target, owner = named.caller.doing(Action.UPLOAD), named.caller.principal.id
    target.require(request.model)
    made = _Made(idempotency_key, owner, request.model, _digest(named, at, request))
    if (record := await _find(made, context)) is None:
        source = await _source(named, at, context)
        async with target.audited(Change.COPY, request.model, f"version:{source.id}") as making:
            record = await _make(source, request, made, context)
            making.subject = f"version:{record.id}"
        log.info(
            "version copied",
            model=record.model,
            version=record.number,
            version_id=record.id,
            from_model=source.model,
            from_version=source.number,
        )
    if record.deletion is None:  # else it is to go
        await keep_manifest(record, context.storage, context.settings)
        # After that: what is ready must not lose what is said of it with the database.
        record = await settle_whole(context.database, record, context.counts.version_settled)
    return Version.model_validate(record.model_dump())


@dataclass(frozen=True, slots=True)
class _Made:
    """By what a copy is found that was made before."""

    key: str | None
    owner: str
    model: str
    request_digest: str


def _digest(named: Named, at: datetime | None, request: CopyRequest) -> str:
    """Return a digest of the request as it was sent: an alias may have been moved since."""
    version = named.version if at is None else f"{named.version}?at={at.astimezone(UTC)}"
    asked = f"copy {named.model}/{version} {request.model_dump_json()}"
    return hashlib.sha256(asked.encode()).hexdigest()


async def _source(named: Named, at: datetime | None, context: Context) -> VersionRecord:
    found = await find_named(context.database, named.model, named.version, at=at)
    source = await context.versions.get(found.id)
    if source is None or source.state != "ready":
        detail = f"version {found.number} of model {found.model!r} is not ready"
        raise Conflict("version_not_ready", detail)
    return source


async def _make(
    source: VersionRecord, request: CopyRequest, made: _Made, context: Context
) -> VersionRecord:
    draft = await _draft(source, request, made, context)
    require_version(await read_effective(context.database, draft.model), draft)
    blobs = {i: Blob(source.id, i, each) for i, each in enumerate(source.artifacts)}
    await copy_part_digests(draft.id, blobs, context)
    number = request.version if isinstance(request.version, int) else None
    try:
        return await open_version(context.database, draft, number=number)
    except BlobGone as gone:
        await forget_draft(draft, context)
        detail = f"files of version {source.number} of model {source.model!r} are gone meanwhile"
        raise Conflict("version_not_ready", detail) from gone
    except Conflict as conflict:
        await forget_draft(draft, context)
        if conflict.code != "idempotency_key_taken":
            raise
        found = await _find(made, context)  # the same request, at the same moment
        if found is None:
            raise
        return found


async def _find(made: _Made, context: Context) -> VersionRecord | None:
    """Return the copy that the key made before; raises IdempotencyKeyReused where it is another."""
    if made.key is None:
        return None
    found = await context.versions.by_idempotency_key(made.key, made.owner, made.model)
    if found is None or found.session is None:
        return None
    if found.session.request_digest != made.request_digest:
        raise IdempotencyKeyReused
    return found


async def _draft(
    source: VersionRecord, request: CopyRequest, made: _Made, context: Context
) -> VersionRecord:
    now = await context.database.now()
    # Where this process ends before the copy is ready, and nobody asks again, it is over some time.
    ttl = timedelta(seconds=context.settings.upload_session_ttl_seconds)
    session = SessionRecord(
        expires_at=now + ttl,
        idempotency_key=made.key,
        request_digest=made.request_digest,
        owner=made.owner,
    )
    said = source.model_dump(include=set(VersionMetadata.model_fields))
    return VersionRecord(
        id=new_id(),
        model=request.model,
        number=0,
        label=request.version if isinstance(request.version, str) else None,
        source=source.source,
        storage_group=source.storage_group,
        artifacts=[copied(each) for each in source.artifacts],
        size_bytes=source.size_bytes,
        created_at=now,
        session=session,
        **said,
    )
