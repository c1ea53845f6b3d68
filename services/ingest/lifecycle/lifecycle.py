"""Archiving, holding, deleting and restoring a version: each one transaction with its event."""

from dataclasses import dataclass
from datetime import timedelta

from registry.schemas import DeletedVersion, EventType, Version
from services.ingest.context import Context
from shared.database.deletion import Decide, change_version
from shared.database.lineage import children_of
from shared.database.naming import find_named
from shared.domain import deletion
from shared.domain.access.actions import Action
from shared.domain.access.audit import Change
from shared.domain.errors import InvalidRequest, version_not_found
from shared.domain.records import HoldRecord, VersionRecord
from shared.runtime.logs import get_logger
from shared.web.access.caller import Caller

log = get_logger(__name__)

CHILDREN = 100
"""Versions that are told to be made from one that is deleted."""


@dataclass(frozen=True, slots=True)
class Named:
    """The version that a request is about, as it names it."""

    model: str
    version: str
    caller: Caller


async def archive(named: Named, context: Context) -> Version:
    """Put the version away; raises NotFound, Conflict "version_not_ready", "version_aliased"."""
    now = await context.database.now()

    def decide(found: VersionRecord) -> VersionRecord:
        return deletion.archive(found, now)

    return await _change(named, Change.ARCHIVE, "registry.version.archived.v1", decide, context)


async def unarchive(named: Named, context: Context) -> Version:
    """Take the version out of the archive; raises NotFound."""
    event: EventType = "registry.version.unarchived.v1"
    return await _change(named, Change.UNARCHIVE, event, deletion.unarchive, context)


async def hold(named: Named, reason: str, context: Context) -> Version:
    """Have nothing of the version removed until it is released.

    Raises NotFound, Conflict "version_purged".
    """
    set_now = HoldRecord(
        at=await context.database.now(), by=named.caller.principal.id, reason=reason
    )

    def decide(found: VersionRecord) -> VersionRecord:
        return deletion.hold(found, set_now)

    return await _change(named, Change.HOLD, "registry.version.held.v1", decide, context)


async def release(named: Named, context: Context) -> Version:
    """End the hold; raises NotFound."""
    event: EventType = "registry.version.released.v1"
    return await _change(named, Change.RELEASE, event, deletion.release, context)


async def delete(named: Named, reason: str, context: Context) -> DeletedVersion:
    """Delete the version, which can be restored until it is purged, and tell its children.

    Raises NotFound, Conflict "version_under_way", "version_aliased", "version_held".
    """
    now = await context.database.now()
    retention = timedelta(seconds=context.settings.deletion_retention_seconds)

    def decide(found: VersionRecord) -> VersionRecord:
        by = named.caller.principal.id
        return deletion.delete(found, by=by, reason=reason, at=now, retention=retention)

    event: EventType = "registry.version.deleted.v1"
    deleted = await _change(named, Change.DELETE, event, decide, context)
    found, is_cut = await children_of(context.database, [deleted.id], limit=CHILDREN)
    readable = named.caller.doing(Action.READ).names
    told = [f"{each.model}@{each.number}" for each in found if readable.has(each.model)]
    return DeletedVersion(
        **dict(deleted), children=told, more_children=is_cut or len(told) < len(found)
    )


async def restore(named: Named, context: Context) -> Version:
    """Make the version what it was before; raises NotFound, Conflict "version_purged"."""
    now = await context.database.now()

    def decide(found: VersionRecord) -> VersionRecord:
        return deletion.restore(found, now)

    return await _change(named, Change.RESTORE, "registry.version.restored.v1", decide, context)


async def _change(
    named: Named, change: Change, event: EventType, decide: Decide, context: Context
) -> Version:
    if named.version.startswith("@") or named.version == "latest":
        # A request that is sent again would change the next one that is called so.
        raise InvalidRequest("version", "must be a number or a label, which name one for ever")
    found = await find_named(context.database, named.model, named.version)
    async with named.caller.audited(change, named.model, f"version:{found.id}"):
        record = await change_version(context.database, named.model, found.id, decide, event)
    if record is None:
        raise version_not_found(named.model, named.version)
    log.info(
        str(change),
        model=record.model,
        version=record.number,
        version_id=record.id,
        by=named.caller.principal.id,
    )
    return Version.model_validate(record.model_dump())
