"""What is below a namespace, as a tree that is open along the way to what is asked for."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.query.context import Context
from services.query.search.failures import read_told
from services.query.search.projection.reading import SearchTooCostly
from services.query.search.statements.sql import Sql
from services.query.ui.namespaces import condition
from shared.domain.access.decision import NameFilter
from shared.domain.errors import TooManyRequests, Unavailable

MOST_BRANCHES: Final = 200
"""Of one place so many are told."""
MOST_LEVELS: Final = 8


@dataclass(frozen=True, slots=True)
class Branch:
    """A beginning of names of models, up to a dot."""

    name: str
    models: int
    branches: Sequence["Branch"] = ()
    """What is below it, where it is open."""


async def branches_of(opened: str, names: NameFilter, context: Context) -> Sequence[Branch]:
    """Return what is below the namespace in which a place is, open along the way to the place.

    Nothing where search cannot tell it now, or nowhere is asked for.
    """
    if not opened:
        return ()
    try:
        return await read_told(
            context.search, lambda connection: read_branches(connection, opened, names)
        )
    except (Unavailable, TooManyRequests, SearchTooCostly):
        return ()  # the page says so where it tells the namespaces


def read_branches(
    connection: sqlite3.Connection, opened: str, names: NameFilter
) -> Sequence[Branch]:
    """Return the same of a connection; raises sqlite3.Error."""
    parts = opened.split(".")[:MOST_LEVELS]
    found: Sequence[Branch] = ()
    for level in range(len(parts), 0, -1):  # the innermost first
        name, inside = ".".join(parts[: level + 1]), found
        found = [
            Branch(each, models, inside if each == name else ())
            for each, models in _below(connection, ".".join(parts[:level]), names)
        ]
    return found


def _below(
    connection: sqlite3.Connection, place: str, names: NameFilter
) -> Sequence[tuple[str, int]]:
    begin = len(place) + 2  # of what follows the dot: SQLite counts from 1
    columns = Sql(
        "SELECT substr(model, 1, ? + instr(substr(model, ?), '.')) AS branch, count(*) FROM models",
        [begin - 2, begin],
    )
    # Every name that begins with "risk." lies before "risk/": the slash follows the dot.
    below = Sql(
        " WHERE model >= ? AND model < ? AND instr(substr(model, ?), '.') > 0 AND ",
        [f"{place}.", f"{place}/", begin],
    )
    order = Sql(" GROUP BY branch ORDER BY branch LIMIT ?", [MOST_BRANCHES])
    return (columns + below + condition(names) + order).rows(connection)
