"""The statements that find a page: by the narrowest of the terms, or in the order asked for.

Where a term matches few rows, these are looked at one by one and then sorted. Where all terms are
broad, rows are read from an index in the order that is asked for until the page is full: those that
have the first key, and then those that lack it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.query.search.language.nodes import And, Node, OrderKey
from services.query.search.statements.conditions import Conditions
from services.query.search.statements.order import Order, order_of
from services.query.search.statements.sources import MOST_COUNTED, Count, Sources
from services.query.search.statements.sql import Bound, Sql, joined


@dataclass(frozen=True, slots=True)
class Plan:
    """Statements that together find what matches, in order; each is limited to what is left."""

    statements: Sequence[Sql]
    counting: Sql
    """Finds a row for each that matches."""


def plan(
    node: Node | None,
    keys: Sequence[OrderKey],
    place: Sequence[Bound] | None,
    conditions: Conditions,
    count: Count,
) -> Plan:
    """Return how what matches is found, from behind a place on."""
    node = node if node is not None else And(())
    order = order_of(keys, conditions)
    condition = conditions.of(node)
    source = Sources(conditions, count).narrowest(node)
    main = conditions.tables.main
    rows = Sql(f" FROM {main} v")
    if source is not None:
        rows = Sql(" FROM (") + source.query + f") s CROSS JOIN {main} v ON v.id = s.id"
    if source is not None and source.count < MOST_COUNTED:
        statements = [_sorted(rows, order, condition, place)]
    else:
        statements = _in_order(keys[0], order, condition, place, conditions)
    counting = Sql("SELECT 1") + rows + " WHERE " + condition
    return Plan(statements, counting)


def limited(statement: Sql, most: int) -> Sql:
    """Return the statement for so many rows."""
    return statement + Sql(" LIMIT ?", (most,))


def _selected(order: Order) -> str:
    return ", ".join(("SELECT v.id", *(key.expression for key in order.keys)))


def _sorted(rows: Sql, order: Order, condition: Sql, place: Sequence[Bound] | None) -> Sql:
    after = order.after(place)
    where = joined([condition, after] if after is not None else [condition], " AND ")
    joins = joined(order.joins, "")
    return Sql(_selected(order)) + rows + joins + " WHERE " + where + f" ORDER BY {order.terms()}"


def _in_order(
    first: OrderKey,
    order: Order,
    condition: Sql,
    place: Sequence[Bound] | None,
    conditions: Conditions,
) -> list[Sql]:
    """Return the statement for rows that have the first key, and the one for those that lack it."""
    tables = conditions.tables
    column = conditions.column(first.field)
    is_facet = bool(order.joins[0].text)
    if not is_facet and column not in (tables.identity[0], *tables.indexed):
        return [_sorted(Sql(f" FROM {tables.main} v"), order, condition, place)]
    key = order.keys[0]
    found: list[Sql] = []
    if place is None or place[0] is not None:
        if is_facet:
            rows = Sql(f" FROM {tables.facets} o0 CROSS JOIN {tables.main} v ON v.id = o0.owner")
            there = Sql("o0.key = ? AND o0.place = 0", (conditions.key(first.field),))
        else:
            rows = Sql(f" FROM {tables.main} v")
            there = Sql(f"{key.expression} IS NOT NULL")
        parts = [there, condition]
        if place is not None:
            # It follows from what comes next, and is what an index can be entered by.
            sign = "<=" if key.descending else ">="
            parts.append(Sql(f"{key.expression} {sign} ?", (place[0],)))
        found.append(_part(rows, order, parts, place, first_may_lack=False))
    if not key.is_always_there:
        found.append(_lacking(first, order, condition, place, conditions))
    return found


def _lacking(
    first: OrderKey,
    order: Order,
    condition: Sql,
    place: Sequence[Bound] | None,
    conditions: Conditions,
) -> Sql:
    tables = conditions.tables
    rest = Order([type(order.keys[0])("NULL", False), *order.keys[1:]], [Sql(""), *order.joins[1:]])
    if order.joins[0].text:
        lacks = Sql(
            f"NOT EXISTS (SELECT 1 FROM {tables.facets} f WHERE f.owner = v.id AND f.key = ?"  # noqa: S608
            " AND f.place = 0)",
            (conditions.key(first.field),),
        )
    else:
        lacks = Sql(f"{order.keys[0].expression} IS NULL")
    among = place if place is not None and place[0] is None else None
    return _part(
        Sql(f" FROM {tables.main} v"), rest, [lacks, condition], among, first_may_lack=False
    )


def _part(
    rows: Sql,
    order: Order,
    parts: Sequence[Sql],
    place: Sequence[Bound] | None,
    *,
    first_may_lack: bool,
) -> Sql:
    after = order.after(place)
    where = joined([*parts, after] if after is not None else parts, " AND ")
    # The first key comes from where the rows are read; those of others are joined.
    joins = joined(order.joins[1:], "")
    ordering = order.terms(first_may_lack)
    return Sql(_selected(order)) + rows + joins + " WHERE " + where + f" ORDER BY {ordering}"
