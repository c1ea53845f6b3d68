"""Where the rows that match are looked for: the narrowest of the filter's terms, by an index."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

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
from services.query.search.statements.conditions import FOLDED, Conditions
from services.query.search.statements.sql import Sql, joined

MOST_COUNTED = 4000
"""A term that more rows match is broad: they are not counted any further.

To look at so many and sort them takes about 15 ms. Of 100,000 rows, two terms that match 4 % each
find 20 rows among 12,500, in whatever order.
"""
FEW = 100
"""With a term that so few rows match, no narrower one is looked for."""
MOST_TERMS = 16
"""Terms whose rows are counted."""

Count = Callable[[Sql], int]
"""Returns how many rows a query finds, up to `MOST_COUNTED`."""


@dataclass(frozen=True, slots=True)
class Source:
    """A query of ids, and how many it finds; those of all rows that match are among them."""

    query: Sql
    count: int


class Sources:
    """Finds the narrowest source of a filter."""

    def __init__(self, conditions: Conditions, count: Count) -> None:
        self._conditions = conditions
        self._count = count
        self._left = MOST_TERMS
        tables = conditions.tables
        self._leading = (tables.identity[0], *tables.indexed)

    def narrowest(self, node: Node) -> Source | None:
        """Return the narrowest source; None where nothing but all rows is one."""
        if isinstance(node, Not):
            return None
        if isinstance(node, And):
            return self._of_all(node.parts)
        if isinstance(node, Or):
            return self._of_any(node.parts)
        return self._counted(self._of_leaf(node))

    def _counted(self, query: Sql | None) -> Source | None:
        if query is None or self._left == 0:
            return None
        self._left -= 1
        return Source(query, self._count(query))

    def _of_all(self, parts: Iterable[Node]) -> Source | None:
        best: Source | None = None
        for part in parts:
            found = self.narrowest(part)
            if found is not None and (best is None or found.count < best.count):
                best = found
            if best is not None and best.count <= FEW:
                break
        return best

    def _of_any(self, parts: Sequence[Node]) -> Source | None:
        if parts and (query := self._of_columns(parts)) is not None:
            return self._counted(query)
        found: list[Source] = []
        for part in parts:
            source = self.narrowest(part)
            if source is None:
                return None
            found.append(source)
        if not found:
            return Source(Sql("SELECT 0 AS id WHERE 0"), 0)
        # One may find what another has found; each is to be there once.
        return Source(
            joined([each.query for each in found], " UNION "), sum(each.count for each in found)
        )

    def _of_columns(self, parts: Sequence[Node]) -> Sql | None:
        """Return one query for parts that each are a value or a range of an indexed column.

        The names that a caller may read are such parts, and can be many: they count as one term.
        """
        found: list[Sql] = []
        for part in parts:
            column = (
                self._conditions.column(part.field) if isinstance(part, OneOf | Range) else None
            )
            if not isinstance(part, OneOf | Range) or column not in self._leading:
                return None
            value = self._conditions.of_value(part, f"v.{column}", "")
            found.append(Sql("(") + value + ")")
        main = self._conditions.tables.main
        return Sql(f"SELECT v.id AS id FROM {main} v WHERE ") + joined(found, " OR ")  # noqa: S608

    def _of_leaf(self, leaf: Leaf) -> Sql | None:
        tables = self._conditions.tables
        if isinstance(leaf, Words):
            return self._conditions.matching(leaf)
        column = self._conditions.column(leaf.field)
        if column is not None:
            # By "there" alone nearly all would be found; and a namespace is a range of names.
            if isinstance(leaf, Present) or column not in (*self._leading, "namespace"):
                return None
            return self._of_column(leaf, column)
        if leaf.field == Field("description"):
            return None
        find = "SELECT DISTINCT owner" if _may_repeat(leaf) else "SELECT owner"
        query = Sql(
            f"{find} AS id FROM {tables.facets} f WHERE f.key = ?",
            (self._conditions.key(leaf.field),),
        )
        if isinstance(leaf, Present):
            return query + " AND f.place = 0"
        return query + " AND " + self._conditions.of_value(leaf, "f.value", FOLDED)

    def _of_column(self, leaf: OneOf | Range | Like, column: str) -> Sql | None:
        query = Sql(f"SELECT v.id AS id FROM {self._conditions.tables.main} v WHERE ")  # noqa: S608
        if column == "namespace":
            if not isinstance(leaf, OneOf):
                return None
            # What lies between "risk." and "risk/": the slash follows the dot.
            ranges = [
                Sql("(v.model >= ? AND v.model < ?)", (f"{each}.", f"{each}/"))
                for each in leaf.values
            ]
            return query + joined(ranges, " OR ")
        if isinstance(leaf, Like) and leaf.is_folded:
            names = self._conditions.folded_names(leaf, column)
            return query + f"v.{column} IN (" + names + ")"
        return query + self._conditions.of_value(leaf, f"v.{column}", "")


def _may_repeat(leaf: OneOf | Range | Like | Present) -> bool:
    """Whether several values of one row may match."""
    if isinstance(leaf, Present) or leaf.field.name.startswith(("metrics.", "tags.")):
        return False
    return not (isinstance(leaf, OneOf) and len(leaf.values) == 1 and not leaf.field.is_entry)
