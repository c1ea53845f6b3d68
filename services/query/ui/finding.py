"""The search page: a filter, columns that the reader chose, and an order, all in the address."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from registry.schemas import Model, ModelSearchPage, VersionSearchPage, VersionSummary
from services.query.context import Context
from services.query.search.language.errors import FILTER, InvalidSearch
from services.query.search.language.fields import FIELDS, Kind
from services.query.search.pages import Asked, search
from services.query.ui.completion import quoted
from shared.domain.access.decision import NameFilter
from shared.domain.errors import InvalidRequest

PAGE_ITEMS: Final = 50
MOST_COLUMNS: Final = 12
MAX_COLUMN_CHARACTERS: Final = 200
MOST_FIELDS: Final = 30
"""Entries of the rows that are offered as further columns."""
MODELS_PATH: Final = "/ui/models"
_DEFAULT: dict[Kind, Sequence[str]] = {
    "models": ("name", "latest", "versions", "created_at", "description"),
    "versions": ("name", "version", "state", "alias", "size", "created_at"),
}
_ROWS: dict[Kind, type[Model | VersionSummary]] = {"models": Model, "versions": VersionSummary}
_NAMES: dict[Kind, dict[str, str]] = {
    "models": {"latest": "latest_number", "versions": "version_count"},
    "versions": {"name": "model", "version": "number", "alias": "aliases", "size": "size_bytes"},
}
"""Columns that a filter calls otherwise than the rows do."""
_GROUPS: dict[Kind, Sequence[str]] = {"models": ("tags",), "versions": ("metrics", "tags")}
"""Of which lists tell each entry."""
_PLACE = re.compile(r"namespace = '((?:[^']|'')+)'|name LIKE '((?:[^'%]|'')+)\.%'")
_ORDERED = frozenset(
    ("name", "versions", "latest", "created_at", "version", "state", "size", "ready_at")
)
"""Columns by which a list is ordered, beside entries of the groups."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a reader asks for, as the address has it."""

    kind: Kind
    text: str
    order: str
    columns: Sequence[str]
    cursor: str | None = None

    def address(self, **changes: str) -> str:
        """Return the address of the same question with changes, from its beginning."""
        fields = {
            "kind": self.kind,
            "filter": self.text,
            "order": self.order,
            "columns": ",".join(self.columns) if self.columns != _DEFAULT[self.kind] else "",
            **changes,
        }
        told = {name: value for name, value in fields.items() if value}
        return f"{MODELS_PATH}?{urlencode(told)}"

    def below(self, place: str | None) -> str:
        """Return the address of what is in a namespace, or in a part of one; None: in none."""
        return self.address(filter=_in(place), order="", columns="")

    def is_below(self, place: str | None) -> bool:
        """Whether exactly what is there is asked for."""
        return self.text == _in(place)

    @property
    def place(self) -> str:
        """The namespace, or part of one, that exactly is asked for; empty: something else."""
        found = _PLACE.fullmatch(self.text)
        return (found[1] or found[2]).replace("''", "'") if found else ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: where a click on its head leads, and how it is ordered now."""

    name: str
    order_address: str
    direction: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is shown below the search box."""

    columns: Sequence[Column]
    rows: Sequence[Model | VersionSummary] = ()
    next_address: str = ""
    error: str = ""
    column: int = 0
    """At which the filter breaks a rule; 0: nowhere in it."""
    fields: Sequence[str] = ()
    """Entries that the rows have, to be chosen as columns."""
    unknown: Sequence[str] = ()
    """What was chosen that no row could ever have, and is left out."""
    possible: Sequence[str] = ()
    """Where something is unknown: all columns that there are."""


def question(kind: Kind, text: str, order: str, columns: str, cursor: str | None) -> Question:
    """Return what an address asks for; raises InvalidRequest for columns too many or too long."""
    chosen = [each.strip() for each in columns.split(",") if each.strip()]
    is_long = any(len(each) > MAX_COLUMN_CHARACTERS for each in chosen)
    if len(chosen) > MOST_COLUMNS or is_long:
        rule = f"must be at most {MOST_COLUMNS} names of {MAX_COLUMN_CHARACTERS} characters each"
        raise InvalidRequest("columns", rule)
    return Question(kind, text, order, tuple(dict.fromkeys(chosen)) or _DEFAULT[kind], cursor)


async def answer(asked: Question, names: NameFilter, context: Context) -> Answer:
    """Return a page of what matches, or what is wrong with the filter and where."""
    order = [asked.order] if asked.order else []
    wanted = Asked(asked.kind, asked.text, order, PAGE_ITEMS, asked.cursor, False, ())
    chosen = [each for each in asked.columns if _is_column(each, asked.kind)]
    unknown = [each for each in asked.columns if each not in chosen]
    possible = _possible(asked.kind) if unknown else ()
    columns = [_column(each, asked) for each in chosen or _DEFAULT[asked.kind]]
    try:
        found = await search(wanted, names, context)
    except InvalidSearch as error:
        at = error.column if error.parameter == FILTER else 0
        return Answer(columns, error=error.detail, column=at)
    except InvalidRequest as error:
        return Answer(columns, error=error.detail)
    kind = ModelSearchPage if asked.kind == "models" else VersionSearchPage
    page = kind.model_validate_json(found)
    more = asked.address(cursor=page.next_cursor) if page.next_cursor else ""
    entries = _entries(page.items)
    return Answer(columns, page.items, more, fields=entries, unknown=unknown, possible=possible)


def _in(place: str | None) -> str:
    """Return the filter for a namespace, for a part of one (`risk.eu`), or for neither."""
    if place is None:
        return "namespace IS NULL"
    text = place.replace("'", "''")
    return f"name LIKE '{text}.%'" if "." in place else f"namespace = '{text}'"


def _column(name: str, asked: Question) -> Column:
    group, _, entry = name.partition(".")
    plain = FIELDS[asked.kind].plain
    if not (name in _ORDERED and name in plain) and not (entry and group in _GROUPS[asked.kind]):
        return Column(name, "", "")
    field_name = f"{group}.{quoted(entry)}" if entry else name
    direction = next((d for d in ("asc", "desc") if asked.order == f"{field_name} {d}"), "")
    turned = "asc" if direction == "desc" else "desc"
    return Column(name, asked.address(order=f"{field_name} {turned}"), direction)


def _entries(rows: Sequence[Model | VersionSummary]) -> list[str]:
    found: dict[str, None] = {}
    for row in rows:
        if isinstance(row, VersionSummary):
            found |= dict.fromkeys(f"metrics.{name}" for name in row.metrics)
        found |= dict.fromkeys(f"tags.{name}" for name in row.tags)
    usable = [each for each in found if "," not in each and len(each) <= MAX_COLUMN_CHARACTERS]
    return usable[:MOST_FIELDS]


def _is_column(name: str, kind: Kind) -> bool:
    """Whether a row of this kind could have something there."""
    group, dot, entry = name.partition(".")
    if dot:
        return bool(entry) and group in _GROUPS[kind]
    return _NAMES[kind].get(name, name) in _ROWS[kind].model_fields


def _possible(kind: Kind) -> list[str]:
    """Return the columns that there are, those first that are shown without a choice."""
    renamed, groups = _NAMES[kind].values(), _GROUPS[kind]
    own = [each for each in _ROWS[kind].model_fields if each not in (*renamed, *groups)]
    plain = dict.fromkeys((*_DEFAULT[kind], *_NAMES[kind], *own))
    return [*plain, *(f"{group}.NAME" for group in groups)]


def cell(row: Model | VersionSummary, column: str) -> Any:
    """Return what a row has in a column; None where it has nothing there."""
    kind: Kind = "models" if isinstance(row, Model) else "versions"
    group, _, entry = column.partition(".")
    if entry and group in _GROUPS[kind]:
        entries: dict[str, Any] = getattr(row, group)
        return entries.get(entry)
    attribute = _NAMES[kind].get(column, column)
    return getattr(row, attribute, None) if attribute in type(row).model_fields else None
