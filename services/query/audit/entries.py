"""Reading the audit: whoever administers some names sees the entries about these alone."""

from registry.schemas.access import AuditEntry, AuditPage
from services.query.context import Context
from shared.database.audit import AuditFilter, list_entries
from shared.web.access.caller import Caller
from shared.web.cursors import cut_page, decode_place, encode_place


async def read_audit(
    wanted: AuditFilter, cursor: str | None, limit: int, caller: Caller, context: Context
) -> AuditPage:
    """Return a page of entries, the newest first; raises Forbidden, InvalidRequest."""
    caller.require_somewhere()
    before = decode_place(cursor) if cursor else None
    found = await list_entries(
        context.database, caller.names, wanted, before=before, limit=limit + 1
    )
    page, more = cut_page(found, limit, lambda last: encode_place(last.at, last.id))
    items = [AuditEntry.model_validate(each.model_dump()) for each in page]
    return AuditPage(items=items, next_cursor=more)
