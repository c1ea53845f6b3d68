"""Pieces of SQL with the values that belong to them: what users write is always a value."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from services.query.search.projection.rows import FALSE, TRUE, Value

Bound = Value | None


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of a statement; each ? of its text takes the next of the values."""

    text: str
    values: Sequence[Bound] = ()

    def __add__(self, other: "Sql | str") -> "Sql":
        """Return this piece followed by another one."""
        if isinstance(other, str):
            return Sql(self.text + other, self.values)
        return Sql(self.text + other.text, (*self.values, *other.values))

    def rows(self, connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
        """Return all rows that the statement finds; raises sqlite3.Error."""
        return connection.execute(self.text, self.values).fetchall()


def joined(parts: Iterable[Sql], by: str) -> Sql:
    """Return the pieces with a text between each two."""
    found = list(parts)
    values = [value for part in found for value in part.values]
    return Sql(by.join(part.text for part in found), values)


def listed(values: Sequence[str | int | float | bool]) -> Sql:
    """Return values as the list of an IN."""
    marks = ", ".join("?" * len(values))
    return Sql(f"({marks})", [stored(value) for value in values])


def stored(value: str | int | float | bool) -> Value:
    """Return a value as the tables hold it."""
    if isinstance(value, bool):
        return TRUE if value else FALSE
    return value
