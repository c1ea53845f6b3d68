"""Whether a row matches: a condition on `v`, the row, that is true or false and never null."""

from collections.abc import Mapping

from services.query.search.language.bounds import MAX_TEXT_CHARACTERS
from services.query.search.language.nodes import (
    And,
    Field,
    Leaf,
    Like,
    Node,
    Not,
    OneOf,
    Or,
    Present,
    Range,
    Words,
)
from services.query.search.projection.tables import TABLES, Tables
from services.query.search.statements.patterns import after_prefix, glob_of, prefix_of
from services.query.search.statements.sql import Sql, joined, listed

FOLDED = "coalesce(f.folded, lower(f.value))"
"""A value of an entry as ILIKE compares it."""
NOTHING = -1
"""The number of a key that no row has."""


class Conditions:
    """Conditions on the rows of one kind; `keys` has the numbers of the entries' names."""

    def __init__(self, tables: Tables, keys: Mapping[str, int]) -> None:
        self.tables = tables
        self._keys = keys

    def of(self, node: Node) -> Sql:
        """Return the condition that a node is."""
        if isinstance(node, Not):
            return Sql("NOT (") + self.of(node.part) + ")"
        if isinstance(node, And | Or):
            if not node.parts:
                return Sql("1" if isinstance(node, And) else "0")
            by = " AND " if isinstance(node, And) else " OR "
            return Sql("(") + joined(map(self.of, node.parts), by) + ")"
        return self._of_leaf(node)

    def key(self, field: Field) -> int:
        """Return the number by which the values of a field are kept."""
        return self._keys.get(field.name, NOTHING)

    def column(self, field: Field) -> str | None:
        """Return the column that has the field; None where its values are rows of their own."""
        return None if field.is_entry else self.tables.columns.get(field.name)

    def matching(self, words: Words) -> Sql:
        """Return the query of the rows that have these words."""
        quoted = [f'"{each[:-1]}"*' if each.endswith("*") else f'"{each}"' for each in words.words]
        asked = " AND ".join(quoted)
        if words.column is not None:
            asked = f"{words.column} : ({asked})"
        name = self.tables.words
        return Sql(f"SELECT rowid AS id FROM {name} WHERE {name} MATCH ?", (asked,))  # noqa: S608

    def of_value(self, leaf: OneOf | Range | Like, place: str, folded: str) -> Sql:
        """Return the condition on one value, whose type is any."""
        if isinstance(leaf, OneOf):
            return Sql(f"{place} IN ") + listed(leaf.values)
        if isinstance(leaf, Range):
            return joined(_bounds(leaf, place), " AND ")
        if leaf.is_folded:
            return Sql(f"{place} >= '' AND {place} < x'' AND {folded} GLOB ?", (_glob(leaf),))
        prefix = prefix_of(leaf.pattern)
        above = after_prefix(prefix)
        end = Sql(f" AND {place} < x''") if above is None else Sql(f" AND {place} < ?", (above,))
        return Sql(f"{place} >= ?", (prefix,)) + end + Sql(f" AND {place} GLOB ?", (_glob(leaf),))

    def folded_names(self, leaf: Like, column: str) -> Sql:
        """Return the query of a column's texts that match in any case: each is looked at once."""
        # A model has many versions, and its name and namespace stand in its own row.
        main = TABLES["models"].main if column in ("model", "namespace") else self.tables.main
        return Sql(
            f"SELECT value FROM (SELECT DISTINCT {column} AS value FROM {main}"  # noqa: S608
            f" WHERE {column} IS NOT NULL) WHERE fold(value) GLOB ?",
            (_glob(leaf),),
        )

    def _of_leaf(self, leaf: Leaf) -> Sql:
        if isinstance(leaf, Words):
            return Sql("v.id IN (") + self.matching(leaf) + ")"
        if (column := self.column(leaf.field)) is not None:
            return self._of_column(leaf, column)
        if leaf.field == Field("description"):
            return self._of_description(leaf)
        found = Sql(
            f"EXISTS (SELECT 1 FROM {self.tables.facets} f WHERE f.owner = v.id AND f.key = ?",  # noqa: S608
            (self.key(leaf.field),),
        )
        if isinstance(leaf, Present):
            return found + ")"
        # With the plus no index of the values is read: SQLite would prefer one over the owner's.
        value = "f.value" if isinstance(leaf, OneOf) else "+f.value"
        return found + " AND " + self.of_value(leaf, value, FOLDED) + ")"

    def _of_column(self, leaf: OneOf | Range | Like | Present, column: str) -> Sql:
        there = f"v.{column} IS NOT NULL"
        if isinstance(leaf, Present):
            return Sql(there)
        if isinstance(leaf, Like) and leaf.is_folded:
            inner = Sql(f"v.{column} IN (") + self.folded_names(leaf, column) + ")"
        else:
            inner = self.of_value(leaf, f"v.{column}", "")
        return Sql(f"({there} AND ") + inner + ")"

    def _of_description(self, leaf: OneOf | Range | Like | Present) -> Sql:
        found = Sql(f"EXISTS (SELECT 1 FROM {self.tables.words} w WHERE w.rowid = v.id AND ")  # noqa: S608
        if isinstance(leaf, Present):
            return found + "w.description IS NOT NULL)"
        text = f"substr(w.description, 1, {MAX_TEXT_CHARACTERS})"
        folded = f"coalesce(w.folded, lower({text}))"
        return found + "w.description IS NOT NULL AND " + self.of_value(leaf, text, folded) + ")"


def _glob(leaf: Like) -> str:
    return glob_of(leaf.pattern.casefold() if leaf.is_folded else leaf.pattern)


def _bounds(leaf: Range, place: str) -> list[Sql]:
    """Return the bounds; where one is open, the end of the type: '' is above each number, and x''
    above each text."""
    is_text = isinstance(leaf.low, str) or isinstance(leaf.high, str)
    found: list[Sql] = []
    if leaf.low is not None:
        found.append(Sql(f"{place} {'>=' if leaf.with_low else '>'} ?", (leaf.low,)))
    elif is_text:
        found.append(Sql(f"{place} >= ''"))
    if leaf.high is not None:
        found.append(Sql(f"{place} {'<=' if leaf.with_high else '<'} ?", (leaf.high,)))
    else:
        found.append(Sql(f"{place} < {'x' + chr(39) * 2 if is_text else chr(39) * 2}"))
    return found
