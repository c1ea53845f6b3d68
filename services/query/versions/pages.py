"""Pages of models and versions."""

from registry.schemas import Model, ModelPage, VersionPage
from services.query.context import Context
from services.query.versions.lookups import find_model
from shared.database import models
from shared.domain.access.decision import NameFilter
from shared.web.cursors import decode_numbers, decode_text, encode_numbers, encode_text

PAGE_BYTES = 1024 * 1024
"""A page takes no further model or version once its JSON is over this."""


async def list_models(
    names: NameFilter, cursor: str | None, limit: int, context: Context
) -> ModelPage:
    """Return models of these names in their order; raises InvalidRequest for a foreign cursor."""
    after = decode_text(cursor) if cursor else None
    items, more = await models.page_of_models(
        context.database, names, after=after, limit=limit, max_bytes=PAGE_BYTES
    )
    return ModelPage(items=items, next_cursor=cursor_after(items[-1]) if more else None)


def cursor_after(model: Model) -> str:
    """Return the cursor of a page that begins behind a model."""
    return encode_text(model.name)


async def list_versions(
    model: str, cursor: str | None, limit: int, context: Context
) -> VersionPage:
    """Return versions of a model, newest first; raises NotFound, InvalidRequest."""
    before = decode_numbers(cursor, 1)[0] if cursor else None
    items, more = await context.versions.summaries(
        model, before=before, limit=limit, max_bytes=PAGE_BYTES
    )
    if not items:
        await find_model(model, context)
    return VersionPage(items=items, next_cursor=encode_numbers(items[-1].number) if more else None)
