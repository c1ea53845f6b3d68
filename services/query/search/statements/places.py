"""Cursors: the values by which the last row of a page was placed, and which search it was of."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, cast

from services.query.search.language.values import has_surrogates
from services.query.search.statements.sql import Bound, stored
from shared.web.cursors import decode_text, encode_text, foreign_cursor

MAX_CURSOR_CHARACTERS = 34 * 1024
"""Four texts of 1,024 characters, each written as six by JSON, and as a third more by base 64."""


def fingerprint(kind: str, text: str, order: Sequence[str]) -> str:
    """Return what tells one search from another."""
    told = json.dumps([kind, text, list(order)])
    return blake2b(told.encode(errors="backslashreplace"), digest_size=8).hexdigest()


def encode_place(search: str, place: Sequence[Bound]) -> str:
    """Return the cursor of a place in a search."""
    values = [each != b"\x00" if isinstance(each, bytes) else each for each in place]
    return encode_text(json.dumps([search, *values], ensure_ascii=False))


def decode_place(cursor: str, search: str, width: int) -> Sequence[Bound]:
    """Return the place of a cursor; raises InvalidRequest for one that this search did not give."""
    try:
        told: Any = json.loads(decode_text(cursor))
    except (ValueError, RecursionError):
        raise foreign_cursor() from None
    if not isinstance(told, list):
        raise foreign_cursor()
    first, *values = cast("list[Any]", told) or [None]
    if first != search or len(values) != width or not all(map(_is_bound, values)):
        raise foreign_cursor()
    return [None if each is None else stored(each) for each in values]


def _is_bound(value: object) -> bool:
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    if isinstance(value, str):
        return not has_surrogates(value)
    return value is None or isinstance(value, float)
