"""The columns of the search page: which there are, how each orders the rows, what is in a cell."""

from collections.abc import Mapping, Sequence
from itertools import islice, zip_longest
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from registry.schemas import Model, VersionSummary
from services.query.search.entries import Entries, Version
from services.query.search.language.fields import FIELDS, GROUPS_BY_OTHER_NAMES, Kind
from services.query.ui.completion import quoted

MAX_COLUMN_CHARACTERS: Final = 200
MOST_OFFERED: Final = 30
"""Entries of the rows that are offered as further columns."""
USUAL: Mapping[Kind, Sequence[str]] = {
    "models": ("name", "latest", "versions", "created_at", "description"),
    "versions": ("name", "version", "state", "alias", "size", "created_at"),
}
UNLISTED_GROUPS: Final = ("params", "properties")
"""Of versions: their rows come without these, so they are read beside them."""
Row = Model | VersionSummary
_ROWS: Mapping[Kind, type[Row]] = {"models": Model, "versions": VersionSummary}
_NAMES: Mapping[Kind, Mapping[str, str]] = {
    "models": {"latest": "latest_number", "versions": "version_count"},
    "versions": {"name": "model", "version": "number", "alias": "aliases", "size": "size_bytes"},
}
"""Columns that a filter calls otherwise than the rows do."""
_ORDERED = frozenset(
    ("name", "versions", "latest", "created_at", "version", "state", "size", "ready_at")
)
"""Columns by which a list is ordered, beside entries of the groups."""


def as_searched(column: str) -> str:
    """Return a column as a filter calls it: `parameters.lr` is `params.lr`."""
    group, dot, entry = column.partition(".")
    return f"{GROUPS_BY_OTHER_NAMES.get(group, group)}{dot}{entry}"


def is_column(name: str, kind: Kind) -> bool:
    """Whether a row of this kind could have something there."""
    group, dot, entry = name.partition(".")
    if dot:
        return bool(entry) and group in FIELDS[kind].groups
    return _NAMES[kind].get(name, name) in _ROWS[kind].model_fields


def possible_columns(kind: Kind) -> list[str]:
    """Return the columns that there are, those first that are shown without a choice."""
    renamed, groups = _NAMES[kind].values(), FIELDS[kind].groups
    own = [each for each in _ROWS[kind].model_fields if each not in (*renamed, *groups)]
    plain = dict.fromkeys((*USUAL[kind], *_NAMES[kind], *own))
    return [*plain, *(f"{group}.NAME" for group in groups)]


def order_field(name: str, kind: Kind) -> str:
    """Return what a list is ordered by for a column; empty where it is by nothing."""
    group, _, entry = name.partition(".")
    if entry and group in FIELDS[kind].groups:
        return f"{group}.{quoted(entry)}"
    return name if name in _ORDERED and name in FIELDS[kind].plain else ""


def offered_columns(rows: Sequence[Row], entries: Entries) -> list[str]:
    """Return entries that the rows have, of each group in turn, so that many leave none out."""
    groups: dict[str, dict[str, None]] = {"metrics": {}, "params": {}, "tags": {}, "properties": {}}
    for row in rows:
        if isinstance(row, VersionSummary):
            groups["metrics"] |= dict.fromkeys(f"metrics.{name}" for name in row.metrics)
        groups["tags"] |= dict.fromkeys(f"tags.{name}" for name in row.tags)
    for group, names in entries.names.items():
        groups[group] |= dict.fromkeys(names)
    usable = [[each for each in names if _is_usable(each)] for names in groups.values()]
    in_turn = islice((each for turn in zip_longest(*usable) for each in turn if each), MOST_OFFERED)
    chosen = frozenset(in_turn)
    return [each for names in usable for each in names if each in chosen]


def _is_usable(name: str) -> bool:
    """Whether an address can name it."""
    return "," not in name and len(name) <= MAX_COLUMN_CHARACTERS


def version_of(row: VersionSummary) -> Version:
    """Return how the entries beside the rows name this one."""
    return row.model, row.number


def cell(row: Row, column: str, entries: Entries) -> Any:
    """Return what a row has in a column; None where it has nothing there."""
    kind: Kind = "models" if isinstance(row, Model) else "versions"
    group, _, entry = column.partition(".")
    if isinstance(row, VersionSummary) and group in UNLISTED_GROUPS:
        return entries.values.get(version_of(row), {}).get(column)
    if entry and group in FIELDS[kind].groups:
        listed: dict[str, Any] = getattr(row, group)
        return listed.get(entry)
    attribute = _NAMES[kind].get(column, column)
    value = getattr(row, attribute, None) if attribute in type(row).model_fields else None
    # Moments and texts are shown in their own ways; of what has members, those are.
    return to_jsonable_python(value) if isinstance(value, BaseModel | list) else value
