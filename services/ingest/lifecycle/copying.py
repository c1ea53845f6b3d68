"""Copying a version to another model: no byte moves, its files refer to those that are there."""

import hashlib

from registry.schemas import CopyRequest, Version
from registry.schemas.metadata import VersionMetadata
from services.ingest.context import Context
from services.ingest.lifecycle.lifecycle import Named
from services.ingest.uploads.reuse import copy_part_digests
from shared.database.blobs import Blob, BlobGone
from shared.database.naming import find_named
from shared.database.opening import open_version
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
    named: Named, request: CopyRequest, idempotency_key: str | None, context: Context
) -> Version:
    """Make a ready version of another model, or a further one of the same, with the same files.

    Metadata go with it, aliases do not. The key finds the copy that it made before. Raises
    NotFound, Forbidden where the caller may not upload to that model, Conflict "version_not_ready"
    and "version_exists", IdempotencyKeyReused.
    """
    target, owner = named.caller.doing(Action.UPLOAD), named.caller.principal.id
    target.require(request.model)
    found = await find_named(context.database, named.model, named.version)
    source = await context.versions.get(found.id)
    if source is None or source.state != "ready":
        detail = f"version {found.number} of model {found.model!r} is not ready"
        raise Conflict("version_not_ready", detail)
    async with target.audited(Change.COPY, request.model, f"version:{source.id}") as making:
        record = await _found_or_made(source, request, idempotency_key, owner, context)
        making.subject = f"version:{record.id}"
    await keep_manifest(record, context.storage, context.settings)
    log.info(
        "version copied",
        model=record.model,
        version=record.number,
        version_id=record.id,
        from_model=source.model,
        from_version=source.number,
    )
    return Version.model_validate(record.model_dump())


async def _found_or_made(
    source: VersionRecord, request: CopyRequest, key: str | None, owner: str, context: Context
) -> VersionRecord:
    draft = await _draft(source, request, key, owner, context)
    require_version(await read_effective(context.database, draft.model), draft)
    if key is not None and (made := await _made(key, draft, owner, context)) is not None:
        return made
    blobs = {i: Blob(source.id, i, each) for i, each in enumerate(source.artifacts)}
    await copy_part_digests(draft.id, blobs, context)
    number = request.version if isinstance(request.version, int) else None
    try:
        return await open_version(context.database, draft, number=number)
    except BlobGone as gone:
        detail = f"version {source.number} of model {source.model!r} was deleted meanwhile"
        raise Conflict("version_not_ready", detail) from gone
    except Conflict as conflict:
        if conflict.code != "idempotency_key_taken" or key is None:
            raise
        made = await _made(key, draft, owner, context)  # the same request, at the same moment
        if made is None:
            raise
        return made


async def _made(
    key: str, draft: VersionRecord, owner: str, context: Context
) -> VersionRecord | None:
    """Return the copy that the key made before; raises IdempotencyKeyReused where it is another."""
    made = await context.versions.by_idempotency_key(key, owner, draft.model)
    if made is None or made.session is None or draft.session is None:
        return None
    if made.session.request_digest != draft.session.request_digest:
        raise IdempotencyKeyReused
    return made


async def _draft(
    source: VersionRecord, request: CopyRequest, key: str | None, owner: str, context: Context
) -> VersionRecord:
    now = await context.database.now()
    asked = hashlib.sha256(f"copy {source.id} {request.model_dump_json()}".encode()).hexdigest()
    session = SessionRecord(
        state="completed", expires_at=now, idempotency_key=key, request_digest=asked, owner=owner
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
