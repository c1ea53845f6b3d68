"""What an address of the search page asks for, and what its columns show."""

import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from registry.schemas import Reason, VersionSearchPage, VersionSummary
from services.query.context import Context
from services.query.search.entries import Entries
from services.query.search.language.fields import Kind
from services.query.search.language.ordering import parse_order
from services.query.search.language.parsing import parse_filter
from services.query.search.projection.reading import SearchTooCostly
from services.query.ui import finding
from services.query.ui.columns import MAX_COLUMN_CHARACTERS, MOST_OFFERED, offered_columns
from services.query.ui.completion import quoted
from services.query.ui.finding import MOST_COLUMNS, Answer, answer, question
from shared.domain.access.decision import EVERY_NAME
from shared.domain.errors import InvalidRequest

BESIDE = Entries(
    {("churn", 3): {"params.lr": 0.1, "params.a.b": [1, 2]}}, {"params": ["params.lr"]}
)
"""What is known of the row that it comes without."""
ROW = VersionSummary.model_construct(
    model="churn", number=3, metrics={"auc": 0.9}, tags={"a.b": "x"}, aliases=[], size_bytes=7
)


@pytest.mark.parametrize("kind", ["models", "versions"])
@pytest.mark.parametrize("columns", ["", " , ,"])
def test_without_columns_there_are_the_usual_ones(kind: Kind, columns: str) -> None:
    asked = question(kind, "", "", columns, None)
    assert asked.columns[0] == "name"
    assert "columns" not in asked.address()


def test_a_column_stands_once_and_in_the_order_of_the_reader() -> None:
    asked = question("versions", "", "", "size, name,size", None)
    assert asked.columns == ("size", "name")
    assert "columns=size%2Cname" in asked.address()


@pytest.mark.parametrize(
    "columns",
    [
        ",".join(f"tags.t{at}" for at in range(MOST_COLUMNS + 1)),
        "name,tags." + "t" * MAX_COLUMN_CHARACTERS,
    ],
)
def test_too_many_columns_or_too_long_ones_are_refused(columns: str) -> None:
    with pytest.raises(InvalidRequest, match="columns"):
        question("versions", "", "", columns, None)


@pytest.mark.parametrize("place", ["risk", "risk.eu", "ri_sk.eu", "o'b.rien", "a_b.o'c", "x.y.z"])
def test_a_place_of_the_tree_is_asked_for_and_known_again(place: str) -> None:
    asked = question("models", "", "", "", None)
    text = dict(parse_qsl(urlsplit(asked.below(place)).query))["filter"]
    found = question("models", text, "", "", None)
    assert found.place == place
    assert found.is_below(place)
    assert parse_filter(text, "models") is not None


def test_below_a_part_with_an_underscore_is_what_begins_so_and_nothing_else() -> None:
    asked = question("models", "", "", "", None)
    text = dict(parse_qsl(urlsplit(asked.below("data_x.nlp")).query))["filter"]
    low, high = re.findall("'([^']*)'", text)
    names = ["data_x.nlp.a", "data_x.nlp", "data-x.nlp.b", "data_x.nlp-2.c", "data_x.nlpx.d"]
    assert [each for each in names if low <= each < high] == ["data_x.nlp.a"]


def test_what_has_members_is_shown_by_its_members() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    row = ROW.model_copy(
        update={
            "failure": Reason(code="late", detail="too late"),
            "created_at": at,
            "aliases": ["a"],
        }
    )
    shown = Answer([], [row])
    assert shown.cell(row, "failure")["code"] == "late"
    assert shown.cell(row, "created_at") == at
    assert shown.cell(row, "alias") == ["a"]


def test_a_namespace_is_asked_for_by_its_name_whatever_is_in_it() -> None:
    asked = question("models", "namespace = 'o''brien'", "", "", None)
    assert asked.is_below("o'brien")
    assert not asked.is_below(None)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("name", "churn"), ("version", 3), ("size", 7), ("metrics.auc", 0.9), ("tags.a.b", "x")),
        *(("metrics.loss", None), ("metrics.", None), ("nothing", None), ("__class__", None)),
        *(("model_fields", None), ("metrics.__class__", None)),
        *(("params.lr", 0.1), ("params.a.b", [1, 2]), ("params.a", None), ("properties.lr", None)),
    ],
)
def test_a_cell_has_what_the_row_says_and_nothing_else(column: str, value: object) -> None:
    assert Answer([], [ROW], BESIDE).cell(ROW, column) == value


def test_entries_that_the_rows_have_are_offered_within_a_bound() -> None:
    assert offered_columns([ROW], BESIDE) == ["metrics.auc", "params.lr", "tags.a.b"]
    odd = ["params.a,b", "params." + "x" * MAX_COLUMN_CHARACTERS, "params.ok"]
    offered = offered_columns([], Entries(names={"params": odd}))
    assert offered == ["params.ok"], "an address could not name the others"


def test_many_entries_of_one_group_leave_those_of_the_others_their_place() -> None:
    many = [f"params.p{at:02}" for at in range(MOST_OFFERED)]
    row = ROW.model_copy(update={"metrics": {f"m{at:02}": 1.0 for at in range(99)}})
    found = offered_columns([row], Entries(names={"params": many, "properties": ["properties.x"]}))
    assert len(found) == MOST_OFFERED
    assert {"tags.a.b", "properties.x", "params.p00", "metrics.m00"} <= set(found)
    assert [each.partition(".")[0] for each in found] == [
        *["metrics"] * 14,
        *["params"] * 14,
        *("tags", "properties"),
    ]


def test_a_group_goes_by_both_its_names_and_is_one_column() -> None:
    asked = question("versions", "", "", "parameters.lr,params.lr", None)
    assert asked.columns == ("params.lr",)


async def answered(monkeypatch: pytest.MonkeyPatch, kind: Kind, columns: str) -> Answer:
    async def nothing(*_: object) -> bytes:
        return b'{"items": []}'

    monkeypatch.setattr(finding, "search", nothing)
    asked = question(kind, "", "", columns, None)
    return await answer(asked, EVERY_NAME, cast("Context", None))


@pytest.mark.parametrize(
    ("kind", "columns", "unknown"),
    [
        ("versions", "name,label,metrics.auc,tags.a.b,model", []),
        ("versions", "params.lr,name,properties.a.b", []),
        ("versions", "params.,params,name,other.lr", ["params.", "params", "other.lr"]),
        ("versions", "metrics.,tags,latest,__class__", ["metrics.", "latest", "__class__"]),
        ("models", "name,tags.team,description,latest_number", []),
        ("models", "metrics.auc,state,versions,params.lr", ["metrics.auc", "state", "params.lr"]),
    ],
)
async def test_a_column_that_no_row_could_have_is_told_and_left_out(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, columns: str, unknown: list[str]
) -> None:
    found = await answered(monkeypatch, kind, columns)
    assert list(found.unknown) == unknown
    known = [each for each in columns.split(",") if each not in unknown]
    assert [each.name for each in found.columns] == known
    assert bool(found.possible) is bool(unknown)


@pytest.mark.parametrize("columns", ["name,params.lr", "name", "name," + "tags.t," * 10])
async def test_rows_are_there_where_their_parameters_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    page = VersionSearchPage.model_construct(items=[ROW], next_cursor=None)

    async def found(*_: object) -> str:
        return ""

    def read(_: str) -> VersionSearchPage:
        return page

    async def fail(*_: object) -> Entries:
        raise SearchTooCostly

    monkeypatch.setattr(finding, "search", found)
    monkeypatch.setattr(VersionSearchPage, "model_validate_json", read)
    monkeypatch.setattr(finding, "read_told", fail)
    asked = question("versions", "", "", columns, None)
    told = await answer(asked, EVERY_NAME, cast("Context", SimpleNamespace(search=None)))
    assert told.rows == [ROW]
    assert told.error == ""
    assert bool(told.entries.trouble) is ("params.lr" in columns), "blank cells would say: none"


async def test_where_nothing_chosen_is_a_column_there_are_the_usual_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = await answered(monkeypatch, "versions", "paramz.lr")
    usual = await answered(monkeypatch, "versions", "")
    assert found.columns
    assert [each.name for each in found.columns] == [each.name for each in usual.columns]


@pytest.mark.parametrize("kind", ["models", "versions"])
async def test_what_is_told_to_be_possible_is(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    possible = list((await answered(monkeypatch, kind, "nothing")).possible)
    for group in ("metrics", "params", "properties"):
        assert (f"{group}.NAME" in possible) is (kind == "versions")
    for at in range(0, len(possible), MOST_COLUMNS):
        some = ",".join(possible[at : at + MOST_COLUMNS])
        found = await answered(monkeypatch, kind, some)
        assert found.unknown == []
        for column in found.columns:
            if column.order_address:
                order = parse_qs(urlsplit(column.order_address).query)["order"]
                assert parse_order(order, kind)


@pytest.mark.parametrize("entry", ["auc", "a b", 'a"b', "a.b", "ä", "desc"])
def test_an_order_can_be_by_an_entry_of_any_name(entry: str) -> None:
    [key] = parse_order([f"metrics.{quoted(entry)} desc"], "versions")
    assert key.field.name == f"metrics.{entry}"
    assert key.descending
