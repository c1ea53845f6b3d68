"""The use case: a page of what a search finds, as JSON that was made when it was written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.schemas.names import MAX_MODEL_CHARACTERS
from services.query.context import Context
from services.query.search.failures import told_failures
from services.query.search.finding import MOST_TOLD, Found, Wanted, find
from services.query.search.language.fields import Kind
from services.query.search.language.ordering import parse_order
from services.query.search.language.parsing import parse_filter
from services.query.search.statements.order import width_of
from services.query.search.statements.places import decode_place, encode_place, fingerprint
from shared.domain.access.decision import NameFilter
from shared.domain.errors import InvalidRequest

MOST_SEEN = 16
"""Models whose event a search may wait for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as the request has it."""

    kind: Kind
    text: str
    order: Sequence[str]
    limit: int
    cursor: str | None
    with_count: bool
    seen: Sequence[str]
    """Events that the caller has seen, as MODEL:SEQUENCE."""


async def search(asked: Asked, names: NameFilter, context: Context) -> str:
    """Return a page as JSON; raises InvalidRequest, TooManyRequests, Unavailable."""
    node, order = parse_filter(asked.text, asked.kind), parse_order(asked.order, asked.kind)
    told = fingerprint(asked.kind, asked.text, asked.order)
    width = width_of(order, asked.kind)
    place = decode_place(asked.cursor, told, width) if asked.cursor else None
    # Of a model that the caller may not know of nothing is found, whatever it is waited for.
    seen = {name: n for name, n in _seen(asked.seen).items() if names.has(name)}
    wanted = Wanted(asked.kind, node, order, names, asked.limit, place, asked.with_count)
    return _page(await read_page(wanted, seen, context), told)


async def read_page(wanted: Wanted, seen: Mapping[str, int], context: Context) -> Found:
    """Return what is found, once search has these events of the models.

    Raises InvalidRequest, TooManyRequests, Unavailable.
    """
    reader = context.search.reader()
    with told_failures(context.search):
        if seen:
            await context.search.have(seen)
        return await reader.read(lambda connection: find(connection, wanted))


def _page(found: Found, told: str) -> str:
    cursor = encode_place(told, found.place) if found.place is not None else None
    members = {"next_cursor": json.dumps(cursor)}
    if found.count is not None:
        members["count"] = str(min(found.count, MOST_TOLD))
        members["count_is_exact"] = json.dumps(found.count <= MOST_TOLD)
    rest = "".join(f', "{name}": {value}' for name, value in members.items())
    return f'{{"items": [{", ".join(found.items)}]{rest}}}'


def _seen(told: Sequence[str]) -> dict[str, int]:
    if len(told) > MOST_SEEN:
        raise InvalidRequest("min_sequence", f"must be given at most {MOST_SEEN} times")
    found: dict[str, int] = {}
    for each in told:
        name, _, number = each.rpartition(":")
        is_number = number.isascii() and number.isdigit() and len(number) <= 18
        if not is_number or not 1 <= len(name) <= MAX_MODEL_CHARACTERS:
            raise InvalidRequest("min_sequence", "must be MODEL:SEQUENCE, such as churn:17")
        found[name] = max(int(number), found.get(name, 0))
    return found
