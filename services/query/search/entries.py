"""What versions of a page have among entries that rows of lists leave out, as they may be large."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.query.search.projection.rows import TRUE
from services.query.search.statements.sql import Sql, joined, listed

MOST_VALUES: Final = 10
"""Of a list among the entries, so many are told, and that there are more."""
MORE: Final = "…"
MOST_CHARACTERS: Final = 200
"""Of a text, which is told with one more where it is longer."""
MOST_LOOKED_AT: Final = 5_000
"""Entries that are looked at for names to offer."""

Version = tuple[str, int]
"""Its model and its number."""


@dataclass(frozen=True, slots=True)
class Entries:
    """What is known of the rows of a page."""

    values: Mapping[Version, Mapping[str, Any]] = field(
        default_factory=dict[Version, Mapping[str, Any]]
    )
    """By the entry's name, such as `params.lr`; the first few values of a list as a list."""
    names: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Of entries that the rows have, by their group."""
    trouble: str = ""
    """Why nothing is known, where something was wanted."""


def read_entries(
    connection: sqlite3.Connection,
    versions: Sequence[Version],
    wanted: Sequence[str],
    groups: Sequence[str],
    most_names: int,
) -> Entries:
    """Return the values of the wanted entries, and names of entries of these groups.

    `versions` are those of the page, at least one; of each group there are at most `most_names`.
    Raises sqlite3.Error.
    """
    owners = _owners(connection, versions)
    if not owners:
        return Entries()
    values = _values(connection, owners, wanted) if wanted else {}
    return Entries(values, _names(connection, owners, groups, most_names))


def _owners(connection: sqlite3.Connection, versions: Sequence[Version]) -> dict[int, Version]:
    asked = joined((Sql("(?, ?)", each) for each in versions), ", ")
    # By a SELECT: bare VALUES are compared with each row of the table, and no index is used.
    query = Sql(
        "SELECT id, model, number FROM versions WHERE (model, number) IN"
        " (SELECT column1, column2 FROM (VALUES "
    )
    rows = (query + asked + "))").rows(connection)
    return {owner: (model, number) for owner, model, number in rows}


def _values(
    connection: sqlite3.Connection, owners: Mapping[int, Version], wanted: Sequence[str]
) -> dict[Version, dict[str, Any]]:
    shortened = Sql(
        "SELECT owner, name, place,"
        " CASE typeof(value) WHEN 'text' THEN substr(value, 1, ?) ELSE value END"
        " FROM versions_facets JOIN keys ON keys.id = key WHERE owner IN ",
        (MOST_CHARACTERS + 1,),
    )
    named = Sql(" AND name IN ") + listed(sorted(wanted))
    first = Sql(" AND place <= ? ORDER BY owner, key, place", (MOST_VALUES,))
    query = shortened + listed(sorted(owners)) + named + first
    found: dict[Version, dict[str, Any]] = {}
    for owner, name, place, stored in query.rows(connection):
        value = stored == TRUE if isinstance(stored, bytes) else stored
        value = MORE if place == MOST_VALUES else value
        entries = found.setdefault(owners[owner], {})
        if place == 0:
            entries[name] = value
        elif place == 1:
            entries[name] = [entries[name], value]
        else:
            entries[name].append(value)
    return found


def _names(
    connection: sqlite3.Connection, owners: Mapping[int, Version], groups: Sequence[str], most: int
) -> dict[str, list[str]]:
    seen = (
        Sql("SELECT DISTINCT name FROM (SELECT key FROM versions_facets WHERE owner IN ")
        + listed(sorted(owners))
        + Sql(" LIMIT ?) JOIN keys ON keys.id = key", (MOST_LOOKED_AT,))
    )
    # Every name of a group begins with "params.", so it lies before "params/".
    first = [
        Sql(
            "SELECT * FROM (SELECT ?, name FROM seen"
            " WHERE name >= ? AND name < ? ORDER BY name LIMIT ?)",
            (each, f"{each}.", f"{each}/", most),
        )
        for each in groups
    ]
    query = Sql("WITH seen AS MATERIALIZED (") + seen + ") " + joined(first, " UNION ALL ")
    found: dict[str, list[str]] = {each: [] for each in groups}
    for group, name in query.rows(connection):
        found[group].append(name)
    return found
