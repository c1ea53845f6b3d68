"""Reading aliases, as they are and as they were."""

from datetime import datetime

from registry.schemas import Alias, AliasHistoryPage, AliasMove, AliasPage, AliasProposalPage
from services.query.context import Context
from services.query.versions.lookups import find_model
from shared.database import aliases, proposals
from shared.domain.aliases import alias_not_found, alias_of, require_pointing
from shared.domain.proposals import revision_of, told_proposal
from shared.web.cursors import (
    cut_page,
    decode_numbers,
    decode_text,
    encode_numbers,
    encode_text,
)


async def find_alias(model: str, alias: str, at: datetime | None, context: Context) -> Alias:
    """Return where an alias points, or pointed at a moment; raises NotFound."""
    if at is None:
        move = await aliases.find_alias(context.database, model, alias)
    else:
        move = await aliases.find_alias_at(context.database, model, alias, at)
    if move is None:
        await find_model(model, context)
    return alias_of(require_pointing(move, model, alias))


async def list_aliases(model: str, cursor: str | None, limit: int, context: Context) -> AliasPage:
    """Return a page of a model's aliases; raises NotFound, InvalidRequest."""
    after = decode_text(cursor) if cursor else None
    found = await aliases.list_aliases(context.database, model, after=after, limit=limit + 1)
    if not found:
        await find_model(model, context)
    page, more = cut_page(found, limit, lambda last: encode_text(last.alias))
    return AliasPage(items=[alias_of(each) for each in page], next_cursor=more)


async def list_moves(
    model: str, alias: str, cursor: str | None, limit: int, context: Context
) -> AliasHistoryPage:
    """Return a page of an alias's moves, the newest first; raises NotFound, InvalidRequest."""
    before = decode_numbers(cursor, 1)[0] if cursor else None
    found = await aliases.list_moves(context.database, model, alias, before=before, limit=limit + 1)
    if not found and before is None:
        await find_model(model, context)
        raise alias_not_found(model, alias)
    page, more = cut_page(found, limit, lambda last: encode_numbers(last.revision))
    items = [AliasMove.model_validate(each.model_dump()) for each in page]
    return AliasHistoryPage(items=items, next_cursor=more)


async def list_proposals(
    model: str, alias: str, cursor: str | None, limit: int, context: Context
) -> AliasProposalPage:
    """Return a page of an alias's proposals, the newest first; raises NotFound, InvalidRequest."""
    before = decode_numbers(cursor, 1)[0] if cursor else None
    found = await proposals.list_proposals(
        context.database, (model, alias), before=before, limit=limit + 1
    )
    if not found:
        await find_model(model, context)
    page, more = cut_page(found, limit, lambda last: encode_numbers(last.sequence))
    now = await context.database.now()
    revision = revision_of(await aliases.find_alias(context.database, model, alias))
    items = [told_proposal(each, now, revision) for each in page]
    return AliasProposalPage(items=items, next_cursor=more)
