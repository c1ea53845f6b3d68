"""What a request says of a version's lineage, with its parents found."""

from registry.schemas import Version
from registry.schemas.links import LineageRequest, Link, ParentRequest
from services.ingest.context import Context
from services.ingest.named_versions import required_version
from shared.domain.access.actions import Action
from shared.domain.aliases import alias_not_found
from shared.domain.lineage.links import outside_links, require_linkable, version_link
from shared.web.access.caller import Caller


def require_parents(request: LineageRequest | None, caller: Caller) -> None:
    """Return where the caller may read each parent that is here; raises NotFound, Forbidden."""
    reader = caller.doing(Action.READ)
    for parent in request.parents if request is not None else ():
        if parent.model is not None:
            reader.require(parent.model, subject=f"parent:{parent.version}")


async def requested_links(request: LineageRequest, by: str, context: Context) -> list[Link]:
    """Return the links that the request asks for.

    Raises NotFound for a parent, and Conflict "version_rejected" where it is none.
    """
    now = await context.database.now()
    links: list[Link] = []
    for parent in request.parents:
        if parent.model is not None:
            found = await _find(parent.model, parent, context)
            require_linkable(found)
            links.append(version_link(found, parent.relation, now, by))
    return links + outside_links(request, now, by)


async def _find(model: str, parent: ParentRequest, context: Context) -> Version:
    named = parent.version
    assert named is not None, "a model is named with a version"  # noqa: S101 - the schema says so
    if isinstance(named, str) and named.startswith("@"):
        found = await context.versions.by_alias(model, named[1:])
        if found is None:
            raise alias_not_found(model, named[1:])
        return found
    return await required_version(model, named, context)
