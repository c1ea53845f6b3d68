"""The order of results, and what comes after a place in it.

What lacks a key comes last in either direction. What is equal in all keys is sorted by what tells
rows apart, in the direction of the last key: no two rows share a place, and pages neither skip nor
repeat one while others come and go.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.query.search.language.bounds import MAX_TEXT_CHARACTERS
from services.query.search.language.fields import Kind
from services.query.search.language.nodes import Field, OrderKey
from services.query.search.projection.tables import TABLES
from services.query.search.statements.conditions import Conditions
from services.query.search.statements.sql import Bound, Sql, joined


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that is sorted by, as an expression."""

    expression: str
    descending: bool
    is_always_there: bool = False

    def term(self, *, may_lack: bool) -> str:
        """Return it as a term of ORDER BY; where none lacks it, an index may have this order."""
        direction = " DESC" if self.descending else ""
        return f"{self.expression}{direction}{' NULLS LAST' if may_lack else ''}"

    def beyond(self, value: Bound) -> Sql | None:
        """Return the condition that a row comes after this value; None where none does."""
        if value is None:
            return None
        sign = "<" if self.descending else ">"
        after = Sql(f"{self.expression} {sign} ?", (value,))
        if self.is_always_there:
            return after
        return Sql("(") + after + f" OR {self.expression} IS NULL)"

    def equal(self, value: Bound) -> Sql:
        """Return the condition that a row has the same value, or lacks it as well."""
        return Sql(f"{self.expression} IS ?", (value,))


@dataclass(frozen=True, slots=True)
class Order:
    """All keys, those that tell rows apart at the end; and what has to be joined for them."""

    keys: Sequence[Key]
    joins: Sequence[Sql]
    """Of each key that an entry of metadata is, where it comes from; else nothing."""

    def terms(self, first_may_lack: bool = True) -> str:
        """Return the terms of ORDER BY."""
        may_lack = [not key.is_always_there for key in self.keys]
        may_lack[0] = may_lack[0] and first_may_lack
        return ", ".join(
            key.term(may_lack=lacks) for key, lacks in zip(self.keys, may_lack, strict=True)
        )

    def after(self, place: Sequence[Bound] | None) -> Sql | None:
        """Return the condition that a row comes after a place; None where all do."""
        if place is None:
            return None
        alternatives: list[Sql] = []
        for count, (key, value) in enumerate(zip(self.keys, place, strict=True)):
            if (beyond := key.beyond(value)) is not None:
                same = [
                    each.equal(held)
                    for each, held in zip(self.keys[:count], place[:count], strict=True)
                ]
                alternatives.append(Sql("(") + joined([*same, beyond], " AND ") + ")")
        return Sql("(") + joined(alternatives, " OR ") + ")"


def order_of(keys: Sequence[OrderKey], conditions: Conditions) -> Order:
    """Return the order that is asked for."""
    identity = conditions.tables.identity
    found: list[Key] = []
    joins: list[Sql] = []
    for number, key in enumerate(keys):
        join = Sql("")
        column = conditions.column(key.field)
        if column is not None:
            expression = f"v.{column}"
        elif key.field == Field("description"):
            words = conditions.tables.words
            expression = (
                f"(SELECT substr(w.description, 1, {MAX_TEXT_CHARACTERS}) FROM {words} w"  # noqa: S608
                " WHERE w.rowid = v.id)"
            )
        else:
            expression = f"o{number}.value"
            join = Sql(
                f" LEFT JOIN {conditions.tables.facets} o{number} ON o{number}.owner = v.id"
                f" AND o{number}.key = ? AND o{number}.place = 0",
                (conditions.key(key.field),),
            )
        found.append(Key(expression, key.descending, column in identity))
        joins.append(join)
    given = {key.expression for key in found}
    descending = keys[-1].descending
    rest = [
        Key(f"v.{each}", descending, is_always_there=True)
        for each in identity
        if f"v.{each}" not in given
    ]
    return Order([*found, *rest], joins)


def width_of(keys: Sequence[OrderKey], kind: Kind) -> int:
    """Return how many values a place in the order has."""
    tables = TABLES[kind]
    given = {tables.columns.get(key.field.name) for key in keys if not key.field.is_entry}
    return len(keys) + sum(each not in given for each in tables.identity)
