"""Branches and tags: aliases, which a branch's commits move, and a tag's name never."""

from dataclasses import dataclass

from registry.schemas import AliasRequest
from registry.schemas.aliases import check_alias
from services.ingest.aliases import aliases
from services.ingest.aliases.aliases import Named
from services.ingest.context import Context
from services.ingest.hub.heads import find_head
from shared.database.naming import find_named, names_meant
from shared.domain.aliases import Condition
from shared.domain.commits import MAIN
from shared.domain.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    checked,
    version_not_found,
)
from shared.domain.hub_names import version_of_commit
from shared.web.access.caller import Caller


@dataclass(frozen=True, slots=True)
class NamedRef:
    """A branch or a tag that a request is about."""

    model: str
    name: str
    caller: Caller


async def make_ref(ref: NamedRef, revision: str | None, reason: str, context: Context) -> None:
    """Let an alias point at a revision; None: where main is.

    Raises InvalidRequest for a name that no alias can have, Conflict "ref_exists", NotFound for the
    revision, and what refuses the move.
    """
    if ref.name == MAIN:
        raise _exists(ref.name)
    checked("name", check_alias, ref.name)
    head = await find_head(ref.model, MAIN, context)
    if head.version is None and revision in (None, MAIN):
        return  # of a model without versions every branch is there
    number = await _number(ref.model, revision or MAIN, context)
    named = Named(ref.model, ref.name, ref.caller, Condition(is_absent=True))
    try:
        await aliases.set_alias(named, AliasRequest(version=number, reason=reason), context)
    except PreconditionFailed:
        raise _exists(ref.name) from None


async def remove_ref(ref: NamedRef, context: Context) -> None:
    """Let an alias point nowhere; raises NotFound, and what refuses the move."""
    if ref.name == MAIN:
        raise InvalidRequest("name", f"must not be {MAIN!r}: it is the model's line of versions")
    checked("name", check_alias, ref.name)
    named = Named(ref.model, ref.name, ref.caller, Condition())
    await aliases.remove_alias(named, "", context)


async def _number(model: str, revision: str, context: Context) -> int:
    """Return the number of the version that a revision means; raises NotFound."""
    if (version_id := version_of_commit(revision)) is not None:
        found = await context.versions.find(version_id)
        if found is None or found.model != model:
            raise version_not_found(model, revision)
        return found.number
    asked = "latest" if revision == MAIN else revision
    for name in await names_meant(context.database, model, asked):
        try:
            return (await find_named(context.database, model, name)).number
        except (NotFound, InvalidRequest):
            continue
    raise version_not_found(model, revision)


def _exists(name: str) -> Conflict:
    return Conflict("ref_exists", f"Reference already exists: {name!r}")
