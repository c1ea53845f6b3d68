"""Cursor pages: a cursor names the last item, so pages stay true while items are added."""

import base64
import binascii

from registry.schemas import ModelPage, VersionPage
from services.query.context import Context
from services.query.versions.lookups import find_model
from shared.database import models
from shared.domain.access.decision import NameFilter
from shared.domain.errors import InvalidRequest

PAGE_BYTES = 1024 * 1024
"""A page takes no further version once its JSON is over this."""
MAX_DIGITS = 10
"""Version numbers have 31 bits."""


async def list_models(
    names: NameFilter, cursor: str | None, limit: int, context: Context
) -> ModelPage:
    """Return models of these names in their order; raises InvalidRequest for a foreign cursor."""
    after = _decode(cursor) if cursor else None
    items = await models.list_models(context.database, names, after=after, limit=limit + 1)
    page = items[:limit]
    more = len(items) > limit
    return ModelPage(items=page, next_cursor=_encode(page[-1].name) if more else None)


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


def encode_numbers(*numbers: int) -> str:
    """Return a cursor that stands for these numbers."""
    return _encode(".".join(str(number) for number in numbers))


def decode_numbers(cursor: str, count: int) -> tuple[int, ...]:
    """Return the numbers of a cursor; raises InvalidRequest for one that no page gave."""
    texts = _decode(cursor).split(".")
    if len(texts) != count or not all(map(_is_number, texts)):
        raise InvalidRequest("cursor", "is not one that this list gave")
    return tuple(int(text) for text in texts)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str) -> str:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("cursor", "is not one that this list gave") from error
