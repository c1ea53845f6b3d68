"""Changing what a version was made from: each change is one transaction with its event."""

from dataclasses import dataclass

from registry.schemas import Version
from registry.schemas.links import LineageRequest, VersionLinks
from services.ingest.context import Context
from services.ingest.lineage.requested import requested_links, require_parents
from services.ingest.named_versions import required_version
from shared.database.lineage import Decide, change_links
from shared.domain.access.actions import Action
from shared.domain.access.audit import Change
from shared.domain.errors import version_not_found
from shared.domain.lineage.links import (
    parent_ids,
    require_linkable,
    told_links,
    with_links,
    without_link,
)
from shared.runtime.logs import get_logger
from shared.web.access.caller import Caller

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Named:
    """The version that a request is about, and who asks."""

    model: str
    version: str | int
    caller: Caller


async def add_links(named: Named, request: LineageRequest, context: Context) -> VersionLinks:
    """Add what a version was made from; what is said already is not said twice.

    Raises NotFound for the version and for parents, also those that the caller may not read;
    Conflict "lineage_cycle", "lineage_too_large", "too_many_links", "version_rejected".
    """
    require_parents(request, named.caller)
    version = await required_version(named.model, named.version, context)
    added = await requested_links(request, named.caller.principal.id, context)
    return await _change(
        named,
        version,
        lambda before: with_links(before.lineage, added),
        context,
        adds_parents=bool(parent_ids(added)),
    )


async def remove_link(named: Named, link_id: str, context: Context) -> VersionLinks:
    """Remove a link, which may be gone already; answers those that are left. Raises NotFound."""
    version = await required_version(named.model, named.version, context)
    return await _change(
        named,
        version,
        lambda before: without_link(before.lineage, link_id),
        context,
        adds_parents=False,
    )


async def _change(
    named: Named, version: Version, decide: Decide, context: Context, *, adds_parents: bool
) -> VersionLinks:
    caller = named.caller
    require_linkable(version)
    async with caller.audited(Change.CHANGE_LINEAGE, named.model, f"version:{version.id}"):
        record = await change_links(context.database, version.id, decide, adds_parents=adds_parents)
        if record is None:
            raise version_not_found(named.model, named.version)
    log.info(
        "lineage changed",
        model=record.model,
        version=record.number,
        links=len(record.lineage),
        by=caller.principal.id,
    )
    return told_links(record, caller.doing(Action.READ).names)
