"""Reading an order: `metrics.auc desc`, one key each."""

import re
from collections.abc import Sequence

from services.query.search.language.bounds import MAX_FILTER_CHARACTERS, MAX_ORDER_KEYS
from services.query.search.language.errors import InvalidSearch
from services.query.search.language.fields import Kind, find_field
from services.query.search.language.nodes import Field, OrderKey

_PARAMETER = "order_by"
_SEGMENT = r'(?:[^\W\d][\w-]*|"(?:[^"]|"")+")'
_KEY = re.compile(rf"\s*({_SEGMENT}(?:\.{_SEGMENT})*)(?:\s+(asc|desc))?\s*", re.IGNORECASE)
_NEWEST = OrderKey(Field("created_at"), descending=True)


def parse_order(keys: Sequence[str], kind: Kind) -> Sequence[OrderKey]:
    """Return what is sorted by, by default the newest first; raises InvalidSearch."""
    if len(keys) > MAX_ORDER_KEYS:
        raise InvalidSearch(_PARAMETER, f"must be at most {MAX_ORDER_KEYS} keys", 1)
    found = [_key(each, kind) for each in keys] or [_NEWEST]
    names = [each.field.name for each in found]
    if len(set(names)) != len(names):
        raise InvalidSearch(_PARAMETER, "must name each field once", 1)
    return found


def _key(text: str, kind: Kind) -> OrderKey:
    expected = ["a field", "asc", "desc"]
    if len(text) > MAX_FILTER_CHARACTERS:
        raise InvalidSearch(_PARAMETER, f"must be at most {MAX_FILTER_CHARACTERS} characters", 1)
    match = _KEY.match(text)
    if match is None or match.end() != len(text):
        column = 1 if match is None else match.end() + 1
        raise InvalidSearch(_PARAMETER, "expected a field, and then asc or desc", column, expected)
    path = tuple(
        each[1:-1].replace('""', '"') if each.startswith('"') else each
        for each in re.findall(_SEGMENT, match[1])
    )
    field, _ = find_field(path, kind, _PARAMETER, match.start(1) + 1)
    return OrderKey(field, (match[2] or "").lower() == "desc")
