"""Names that a filter may have, for a reader who has typed the beginning of one."""

import re
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from services.query.context import Context
from services.query.search.failures import read_told
from services.query.search.language.fields import FIELDS, Kind
from services.query.search.projection.tables import TABLES
from services.query.search.statements.sql import Sql
from services.query.ui.namespaces import condition
from shared.domain.access.decision import NameFilter

MOST_NAMES: Final = 20
MAX_CHARACTERS: Final = 200
"""Of the beginning, and of a name that is offered."""
MOST_OWNERS: Final = 500
"""Of a caller who may not read everything, entries of so many versions are looked at."""
MOST_ENTRIES: Final = 20_000
_LAST: Final = "\U0010ffff"
_PLAIN = re.compile(r"[^\W\d][\w-]*")
_QUOTED = re.compile(r'(?<=\.)"((?:[^"]|"")*)(?:"|$)')
_GROUPS_AS_TYPED: Final = {"parameters.": "params."}


async def complete(
    beginning: str, kind: Kind, names: NameFilter, context: Context
) -> Sequence[str]:
    """Return fields and entries that begin so, as a filter writes them.

    Raises Unavailable, TooManyRequests, InvalidRequest.
    """
    known = FIELDS[kind]
    named = (*known.plain, *_with_dot(known.groups))
    fields = [each for each in named if _is_below(each, beginning)]
    written = beginning
    for typed, kept in _GROUPS_AS_TYPED.items():
        if beginning.startswith(typed):
            written = kept + beginning.removeprefix(typed)
    group, dot, _ = written.partition(".")
    if not dot or group not in known.groups:
        return fields[:MOST_NAMES]
    prefix = unquoted(written)
    found = await read_told(
        context.search, lambda connection: entries(connection, prefix, kind, names)
    )
    return [*fields, *(as_field(each) for each in found)][:MOST_NAMES]


def entries(
    connection: sqlite3.Connection, prefix: str, kind: Kind, names: NameFilter
) -> list[str]:
    """Return the entries that begin so and that a row has which the caller may see.

    Whoever may read everything has them from the index of all names; others from their first
    rows, since what they may not read must not be told by its names. Raises sqlite3.Error.
    """
    tables = TABLES[kind]
    if names.everything:
        which = Sql(f"EXISTS (SELECT 1 FROM {tables.facets} WHERE key = keys.id)")  # noqa: S608
    else:
        which = (
            Sql(f"id IN (SELECT key FROM {tables.facets} WHERE owner IN (SELECT id FROM ")  # noqa: S608
            + f"{tables.main} WHERE "
            + condition(names)
            + f" LIMIT {MOST_OWNERS}) LIMIT {MOST_ENTRIES})"
        )
    between = Sql(
        " AND name >= ? AND name < ? AND length(name) <= ? ORDER BY name LIMIT ?",
        (prefix, prefix + _LAST, MAX_CHARACTERS, MOST_NAMES),
    )
    query = Sql("SELECT name FROM keys WHERE ") + which + between
    return [name for (name,) in query.rows(connection)]


def as_field(name: str) -> str:
    """Return an entry as a filter writes it: `metrics.auc`, `tags."a b"`."""
    group, _, entry = name.partition(".")
    parts = entry.split(".")
    if all(_PLAIN.fullmatch(part) for part in parts):
        return name
    return f"{group}.{quoted(entry)}"


def quoted(entry: str) -> str:
    """Return an entry's name in quotes, as a filter and an order read it whatever is in it."""
    doubled = entry.replace('"', '""')
    return f'"{doubled}"'


def unquoted(path: str) -> str:
    """Return what is called so: quotes around names are left out, also of one that is not over."""
    return _QUOTED.sub(lambda found: found[1].replace('""', '"'), path)


def _with_dot(groups: Iterable[str]) -> list[str]:
    return [f"{each}." for each in groups]


def _is_below(field: str, beginning: str) -> bool:
    return field.startswith(beginning.lower()) and field != beginning
