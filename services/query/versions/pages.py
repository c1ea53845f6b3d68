"""Cursor pages: a cursor names the last item, so pages stay true while items are added."""

import base64
import binascii

from registry.schemas import ModelPage, VersionPage
from services.query.context import Context
from services.query.versions.lookups import find_model
from shared.database import models
from shared.domain.errors import InvalidRequest


async def list_models(cursor: str | None, limit: int, context: Context) -> ModelPage:
    """Return models in order of their names; raises InvalidRequest for a foreign cursor."""
    after = _decode(cursor) if cursor else None
    items = await models.list_models(context.database, after=after, limit=limit + 1)
    page = items[:limit]
    more = len(items) > limit
    return ModelPage(items=page, next_cursor=_encode(page[-1].name) if more else None)


async def list_versions(
    model: str, cursor: str | None, limit: int, context: Context
) -> VersionPage:
    """Return versions of a model, newest first; raises NotFound, InvalidRequest."""
    before = None
    if cursor:
        text = _decode(cursor)
        if not text.isdecimal():
            raise InvalidRequest("cursor", "is not one that this list gave")
        before = int(text)
    items = await context.versions.page(model, before=before, limit=limit + 1)
    if not items:
        await find_model(model, context)
    page = items[:limit]
    more = len(items) > limit
    return VersionPage(items=page, next_cursor=_encode(str(page[-1].number)) if more else None)


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str) -> str:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("cursor", "is not one that this list gave") from error
