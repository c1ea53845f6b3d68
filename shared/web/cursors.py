"""Cursors of pages: each names the last item, so pages stay true while items are added."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from fastapi import Query

from shared.domain.errors import InvalidRequest

T = TypeVar("T")
Cursor = Annotated[str | None, Query(max_length=1024, description="`next_cursor` of a page")]
KeyCursor = Annotated[str | None, Query(max_length=4096, description="`next_cursor` of a page")]
"""Of a list in order of objects' keys: these have 1,024 bytes, and their versions some more."""
Limit = Annotated[int, Query(ge=1, le=500)]

MAX_DIGITS = 10
"""Version numbers have 31 bits."""


def cut_page(
    found: Sequence[T], limit: int, cursor_of: Callable[[T], str]
) -> tuple[Sequence[T], str | None]:
    """Return a page of what was found, and its cursor where one more was found than it may have."""
    page = found[:limit]
    return page, cursor_of(page[-1]) if len(found) > limit else None


def encode_text(text: str) -> str:
    """Return a cursor that stands for a text."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_text(cursor: str) -> str:
    """Return the text of a cursor; raises InvalidRequest for one that no page gave."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise foreign_cursor() from error


def encode_numbers(*numbers: int) -> str:
    """Return a cursor that stands for these numbers."""
    return encode_text(".".join(str(number) for number in numbers))


def decode_numbers(cursor: str, count: int) -> tuple[int, ...]:
    """Return the numbers of a cursor; raises InvalidRequest for one that no page gave."""
    texts = decode_text(cursor).split(".")
    if len(texts) != count or not all(map(_is_number, texts)):
        raise foreign_cursor()
    return tuple(int(text) for text in texts)


def encode_place(at: datetime, item_id: str) -> str:
    """Return a cursor that stands for an item by its time and id."""
    return encode_text(f"{at.isoformat()} {item_id}")


def decode_place(cursor: str) -> tuple[datetime, str]:
    """Return time and id of a cursor; raises InvalidRequest for one that no page gave."""
    at, _, item_id = decode_text(cursor).partition(" ")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise foreign_cursor() from error
    if moment.tzinfo is None or not item_id.isprintable():
        raise foreign_cursor()
    try:
        return moment.astimezone(UTC), item_id
    except OverflowError as error:
        raise foreign_cursor() from error


def foreign_cursor() -> InvalidRequest:
    """Return the error of a cursor that no page gave."""
    return InvalidRequest("cursor", "is not one that this list gave")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
