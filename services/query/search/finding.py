"""Finding a page: what is asked, as SQLite answers it. Runs in a thread."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.query.search.language.fields import Kind
from services.query.search.language.nodes import (
    And,
    Field,
    Node,
    Not,
    OneOf,
    Or,
    OrderKey,
    Range,
    Words,
)
from services.query.search.projection.tables import TABLES
from services.query.search.statements.conditions import Conditions
from services.query.search.statements.plans import Plan, limited, plan
from services.query.search.statements.sources import MOST_COUNTED
from services.query.search.statements.sql import Bound, Sql
from shared.domain.access.decision import NameFilter

PAGE_CHARACTERS = 1024 * 1024
"""A page takes no further item once its JSON is over this."""
MOST_TOLD = 1000
"""What more than so many match is told as "at least"."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One search."""

    kind: Kind
    node: Node | None
    order: Sequence[OrderKey]
    names: NameFilter
    """Whose models may be found."""
    limit: int
    place: Sequence[Bound] | None = None
    """Behind which the page begins; None: at the beginning."""
    with_count: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A page: items as JSON, and where it ends."""

    items: Sequence[str]
    place: Sequence[Bound] | None
    """The place of its last item; None where nothing follows."""
    count: int | None = None
    """How many match, up to one more than `MOST_TOLD`."""


def find(connection: sqlite3.Connection, wanted: Wanted) -> Found:
    """Return a page of what matches; raises sqlite3.Error."""
    made = plan_of(connection, wanted)
    rows: list[tuple[Bound, ...]] = []
    for statement in made.statements:
        if (left := wanted.limit + 1 - len(rows)) > 0:
            rows += limited(statement, left).rows(connection)
    items: list[str] = []
    size = 0
    for row in rows[: wanted.limit]:
        if items and size > PAGE_CHARACTERS:
            break
        items.append(_item(connection, wanted.kind, row[0]))
        size += len(items[-1])
    place = rows[len(items) - 1][1:] if len(rows) > len(items) else None
    count = _count(connection, made.counting, MOST_TOLD + 1) if wanted.with_count else None
    return Found(items, place, count)


def plan_of(connection: sqlite3.Connection, wanted: Wanted) -> Plan:
    """Return the statements that find the page."""
    node = _visible(wanted.node, wanted.names)
    fields = {key.field.name for key in wanted.order} | set(_names_in(node))
    conditions = Conditions(TABLES[wanted.kind], _keys(connection, fields))

    def count(query: Sql) -> int:
        return _count(connection, query, MOST_COUNTED)

    return plan(node, wanted.order, wanted.place, conditions, count)


def _visible(node: Node | None, names: NameFilter) -> Node | None:
    """Return the filter with the condition that the caller may read what it finds."""
    if names.everything:
        return node
    model = Field("name")
    below = [Range(model, low, high, with_high=False) for low, high in names.ranges]
    visible = Or([OneOf(model, sorted(names.names)), *below] if names.names else below)
    return visible if node is None else And([visible, node])


def _names_in(node: Node | None) -> Iterator[str]:
    if node is None or isinstance(node, Words):
        return
    if isinstance(node, Not):
        yield from _names_in(node.part)
    elif isinstance(node, And | Or):
        for part in node.parts:
            yield from _names_in(part)
    else:
        yield node.field.name


def _keys(connection: sqlite3.Connection, names: set[str]) -> dict[str, int]:
    marks = ", ".join("?" * len(names))
    query = f"SELECT name, id FROM keys WHERE name IN ({marks})"  # noqa: S608
    return dict(connection.execute(query, sorted(names)))


def _item(connection: sqlite3.Connection, kind: Kind, owner: Bound) -> str:
    query = f"SELECT item FROM {TABLES[kind].items} WHERE owner = ?"  # noqa: S608
    [(item,)] = connection.execute(query, (owner,))
    return item


def _count(connection: sqlite3.Connection, query: Sql, most: int) -> int:
    counting = Sql("SELECT count(*) FROM (") + limited(query, most) + ")"  # noqa: S608
    [(count,)] = counting.rows(connection)
    return count
