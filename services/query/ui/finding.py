"""The search page: a filter, columns that the reader chose, and an order, all in the address."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from registry.schemas import ModelSearchPage, VersionSearchPage, VersionSummary
from services.query.context import Context
from services.query.search.entries import Entries, read_entries
from services.query.search.failures import read_told
from services.query.search.language.errors import FILTER, InvalidSearch
from services.query.search.language.fields import Kind
from services.query.search.pages import Asked, search
from services.query.search.projection.reading import SearchTooCostly
from services.query.ui.columns import (
    MAX_COLUMN_CHARACTERS,
    MOST_OFFERED,
    UNLISTED_GROUPS,
    USUAL,
    Row,
    as_searched,
    cell,
    is_column,
    offered_columns,
    order_field,
    possible_columns,
    version_of,
)
from shared.domain.access.decision import NameFilter
from shared.domain.errors import InvalidRequest, TooManyRequests, Unavailable

PAGE_ITEMS: Final = 50
MOST_COLUMNS: Final = 12
MODELS_PATH: Final = "/ui/models"
_PLACE = re.compile(
    r"namespace = '(?P<whole>(?:[^']|'')+)'"
    r"|name LIKE '(?P<part>(?:[^'%]|'')+)\.%'"
    r"|name >= '(?P<beginning>(?:[^']|'')+)\.' AND name < '(?P=beginning)/'"
)


@dataclass(frozen=True, slots=True)
class Question:
    """What a reader asks for, as the address has it."""

    kind: Kind
    text: str
    order: str
    columns: Sequence[str]
    cursor: str | None = None

    @property
    def has_room(self) -> bool:
        """Whether one more column could be chosen."""
        return len(self.columns) < MOST_COLUMNS

    def address(self, **changes: str) -> str:
        """Return the address of the same question with changes, from its beginning."""
        fields = {
            "kind": self.kind,
            "filter": self.text,
            "order": self.order,
            "columns": ",".join(self.columns) if self.columns != USUAL[self.kind] else "",
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
        told = next(filter(None, found.groups())) if found else ""
        return told.replace("''", "'")


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
    rows: Sequence[Row] = ()
    entries: Entries = field(default_factory=Entries)
    next_address: str = ""
    offered: Sequence[str] = ()
    """Entries that the rows have, to be chosen as columns."""
    unknown: Sequence[str] = ()
    """What was chosen that no row could ever have, and is left out."""
    possible: Sequence[str] = ()
    """Where something is unknown: all columns that there are."""
    error: str = ""
    column: int = 0
    """At which the filter breaks a rule; 0: nowhere in it."""

    def cell(self, row: Row, column: str) -> Any:
        """Return what a row has in a column; None where it has nothing there."""
        return cell(row, column, self.entries)


def question(kind: Kind, text: str, order: str, columns: str, cursor: str | None) -> Question:
    """Return what an address asks for; raises InvalidRequest for columns too many or too long."""
    chosen = [each.strip() for each in columns.split(",") if each.strip()]
    is_long = any(len(each) > MAX_COLUMN_CHARACTERS for each in chosen)
    if len(chosen) > MOST_COLUMNS or is_long:
        rule = f"must be at most {MOST_COLUMNS} names of {MAX_COLUMN_CHARACTERS} characters each"
        raise InvalidRequest("columns", rule)
    names = tuple(dict.fromkeys(map(as_searched, chosen)))
    return Question(kind, text, order, names or USUAL[kind], cursor)


async def answer(asked: Question, names: NameFilter, context: Context) -> Answer:
    """Return a page of what matches, or what is wrong with the filter and where."""
    order = [asked.order] if asked.order else []
    wanted = Asked(asked.kind, asked.text, order, PAGE_ITEMS, asked.cursor, False, ())
    chosen = [each for each in asked.columns if is_column(each, asked.kind)]
    unknown = [each for each in asked.columns if each not in chosen]
    possible = possible_columns(asked.kind) if unknown else ()
    columns = [_column(each, asked) for each in chosen or USUAL[asked.kind]]
    try:
        found = await search(wanted, names, context)
        kind = ModelSearchPage if asked.kind == "models" else VersionSearchPage
        page = kind.model_validate_json(found)
    except InvalidSearch as error:
        at = error.column if error.parameter == FILTER else 0
        return Answer(columns, error=error.detail, column=at)
    except InvalidRequest as error:
        return Answer(columns, error=error.detail)
    entries = await _entries(page.items, asked, context)
    more = asked.address(cursor=page.next_cursor) if page.next_cursor else ""
    offered = offered_columns(page.items, entries) if asked.has_room else ()
    return Answer(columns, page.items, entries, more, offered, unknown, possible)


async def _entries(rows: Sequence[Row], asked: Question, context: Context) -> Entries:
    """Return what versions have that their rows come without, or why it is not told now."""
    versions = [version_of(row) for row in rows if isinstance(row, VersionSummary)]
    wanted = [each for each in asked.columns if each.partition(".")[0] in UNLISTED_GROUPS]
    if not versions or not (wanted or asked.has_room):
        return Entries()
    try:
        return await read_told(
            context.search,
            lambda connection: read_entries(
                connection, versions, wanted, UNLISTED_GROUPS, MOST_OFFERED
            ),
        )
    except (Unavailable, TooManyRequests, SearchTooCostly) as error:
        # The rows were found, and have the other columns.
        return Entries(trouble=error.detail if wanted else "")


def _in(place: str | None) -> str:
    """Return the filter for a namespace, for a part of one (`risk.eu`), or for neither."""
    if place is None:
        return "namespace IS NULL"
    text = place.replace("'", "''")
    if "." not in place:
        return f"namespace = '{text}'"
    if "_" not in place:
        return f"name LIKE '{text}.%'"
    # To LIKE this is any character. The slash follows the dot, so all between begins with a dot.
    return f"name >= '{text}.' AND name < '{text}/'"


def _column(name: str, asked: Question) -> Column:
    ordered = order_field(name, asked.kind)
    if not ordered:
        return Column(name, "", "")
    direction = next((d for d in ("asc", "desc") if asked.order == f"{ordered} {d}"), "")
    turned = "asc" if direction == "desc" else "desc"
    return Column(name, asked.address(order=f"{ordered} {turned}"), direction)
