"""Reading the edits that were made."""

from datetime import datetime

from registry.schemas import EditPage
from services.query.context import Context
from services.query.versions.lookups import find_model, find_version
from shared.database import edits
from shared.database.edits import Place
from shared.domain.edits import edit_of
from shared.web.cursors import decode_numbers, encode_numbers

PAGE_BYTES = 1024 * 1024
"""A page takes no further edit once its JSON is over this."""


async def list_version_edits(
    model: str,
    version: str,
    at: datetime | None,
    cursor: str | None,
    limit: int,
    context: Context,
) -> EditPage:
    """Return a page of a version's edits, the newest first; raises NotFound, InvalidRequest."""
    found = await find_version(model, version, context, at=at)
    return await _page(Place(model, found.number), cursor, limit, context)


async def list_model_edits(
    model: str, cursor: str | None, limit: int, context: Context
) -> EditPage:
    """Return a page of the edits of the model itself; raises NotFound, InvalidRequest."""
    page = await _page(Place(model), cursor, limit, context)
    if not page.items:
        await find_model(model, context)
    return page


async def _page(place: Place, cursor: str | None, limit: int, context: Context) -> EditPage:
    before = decode_numbers(cursor, 1)[0] if cursor else None
    found, more = await edits.list_edits(
        context.database, place, before=before, limit=limit, max_bytes=PAGE_BYTES
    )
    next_cursor = encode_numbers(found[-1].revision) if more else None
    return EditPage(items=[edit_of(each) for each in found], next_cursor=next_cursor)
