"""Objects that no upload session announced: a version of their own, or a report."""

from datetime import datetime

from services.indexer.context import Context
from services.indexer.events.bucket_events import ObjectWritten
from shared.database import strays
from shared.database.lifecycle import open_version
from shared.database.strays import Stray
from shared.domain.errors import Conflict
from shared.domain.object_keys import ParsedKey, parse_key
from shared.domain.records import ArtifactRecord, VersionRecord, WorkRecord, new_id
from shared.runtime.logs import get_logger
from shared.storage.manifests import keep_manifest
from shared.storage.objects import StoredObject

log = get_logger(__name__)


async def adopt_object(written: ObjectWritten, context: Context) -> VersionRecord | None:
    """Record an object under the key rule as a version in state "verifying"; it is read whole next.

    An object outside the rule, or of a version that exists, is reported. None in that case, and
    where the object is gone.
    """
    async with context.storage_slots:
        found = await context.storage.objects.head(
            written.bucket, written.key, written.object_version
        )
    if found is None:
        return None
    try:
        parsed = parse_key(written.key)
    except ValueError as error:
        await report_stray(written, found, "outside_key_rule", str(error), context)
        return None
    if found.size_bytes == 0:
        await report_stray(written, found, "empty_object", "the object has no bytes", context)
        return None
    number = parsed.version if isinstance(parsed.version, int) else None
    draft = _draft(written, parsed, found, await context.database.now())
    try:
        record = await open_version(context.database, draft, number=number)
    except Conflict as conflict:
        owners = await context.versions.by_keys([written.key])
        if any(owner.storage_group == written.bucket for owner in owners):
            return None  # another worker has adopted it meanwhile
        await report_stray(written, found, conflict.code, conflict.detail, context)
        return None
    await keep_manifest(record, context.storage, context.settings)
    log.info("object adopted", model=record.model, version=record.number, version_id=record.id)
    return record


async def report_stray(
    written: ObjectWritten, found: StoredObject | None, code: str, detail: str, context: Context
) -> None:
    """Keep a report of an object that belongs to no version; repeats only renew its time."""
    stray = Stray(
        written.bucket,
        written.key,
        found.object_version if found else written.object_version,
        found.size_bytes if found else None,
    )
    if await strays.report_stray(context.database, stray, code, detail):  # told once
        log.warning(
            "object belongs to no version",
            bucket=written.bucket,
            key=written.key,
            code=code,
            detail=detail,
        )


def _draft(
    written: ObjectWritten, parsed: ParsedKey, found: StoredObject, now: datetime
) -> VersionRecord:
    return VersionRecord(
        id=new_id(),
        model=parsed.model,
        number=0,
        label=parsed.version if isinstance(parsed.version, str) else None,
        state="verifying",
        source="object",
        storage_group=written.bucket,
        artifacts=[
            ArtifactRecord(
                path=parsed.path,
                key=written.key,
                size_bytes=found.size_bytes,
                kind="object",
                etag=found.etag,
                object_version=found.object_version,
            )
        ],
        size_bytes=found.size_bytes,
        created_at=now,
        work=WorkRecord(kind="verify", due_at=now),
    )
