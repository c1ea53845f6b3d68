"""What a caller's models come to by namespace, and the names that are offered to them."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.search.language.parsing import parse_filter
from services.query.search.projection.rows import Row
from services.query.search.projection.tables import make_tables, open_file
from services.query.search.projection.writing import Writer
from services.query.ui import namespaces
from services.query.ui.completion import MOST_NAMES, as_field, entries, quoted, unquoted
from services.query.ui.namespaces import Namespace, count
from shared.domain.access.decision import EVERY_NAME, NameFilter
from shared.domain.names import namespace_of
from tests.support.search_rows import registered

RISK = NameFilter(namespaces=frozenset(("risk.",)))


def version(model: str, number: int, entry: str, size: int, state: str = "ready") -> Row:
    columns: dict[str, str | int | None] = {
        "model": model,
        "number": number,
        "namespace": namespace_of(model),
        "label": None,
        "state": state,
        "framework": None,
        "created_at": number,
        "ready_at": None,
        "archived_at": None,
        "size": size,
    }
    return Row(f"{model}/{number}", columns, [(entry, 0, 1.0)], (model, None, ""), "{}")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    found = open_file(tmp_path / "search.sqlite")
    make_tables(found)
    writer = Writer(found)
    models = ("alone", "risk.churn", "risk.fraud", "risky.churn", "secret.churn")
    with writer.transaction():
        writer.put("models", map(registered, models))
        writer.put(
            "versions",
            [
                version("alone", 1, "metrics.auc", 1),
                version("risk.churn", 1, "metrics.auc", 10),
                version("risk.churn", 2, "metrics.accuracy", 20, "rejected"),
                version("risk.fraud", 1, "metrics.loss", 30, "missing"),
                version("risky.churn", 1, "metrics.a_risky_one", 100),
                version("secret.churn", 1, "metrics.a_secret", 1000),
            ],
        )
    yield found
    found.close()


def test_bytes_are_those_of_versions_that_can_be_downloaded(
    connection: sqlite3.Connection,
) -> None:
    found = count(connection, EVERY_NAME)
    assert found.items == [
        Namespace(None, 1, 1, 1),
        Namespace("risk", 2, 3, 40),
        Namespace("risky", 1, 1, 100),
        Namespace("secret", 1, 1, 1000),
    ]
    assert (found.models, found.versions, found.size_bytes) == (5, 6, 1141)


def test_those_that_use_most_are_of_all_and_not_of_the_first(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namespaces, "MOST_NAMESPACES", 2)
    monkeypatch.setattr(namespaces, "MOST_LARGEST", 3)
    found = count(connection, EVERY_NAME)
    assert ([each.name for each in found.items], found.not_shown) == ([None, "risk"], 2)
    assert [each.name for each in found.largest] == ["secret", "risky", "risk"]


def test_what_may_not_be_read_is_in_no_count(connection: sqlite3.Connection) -> None:
    assert count(connection, RISK).items == [Namespace("risk", 2, 3, 40)]
    one = NameFilter(names=frozenset(("alone", "nothing")))
    assert count(connection, one).items == [Namespace(None, 1, 1, 1)]
    assert count(connection, NameFilter()).items == []


def test_of_many_namespaces_the_sum_is_of_all(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namespaces, "MOST_NAMESPACES", 2)
    found = count(connection, EVERY_NAME)
    assert (len(found.items), found.not_shown, found.size_bytes) == (2, 2, 1141)


def test_names_are_offered_by_their_beginning(connection: sqlite3.Connection) -> None:
    assert entries(connection, "metrics.a", "versions", EVERY_NAME) == [
        *("metrics.a_risky_one", "metrics.a_secret", "metrics.accuracy", "metrics.auc"),
    ]
    assert entries(connection, "metrics.a", "models", EVERY_NAME) == []
    assert entries(connection, "tags.", "models", EVERY_NAME) == ["tags.team"]


def test_names_of_what_may_not_be_read_are_not_offered(connection: sqlite3.Connection) -> None:
    assert entries(connection, "metrics.a", "versions", RISK) == ["metrics.accuracy", "metrics.auc"]
    assert entries(connection, "metrics.", "versions", NameFilter()) == []


def test_only_so_many_are_offered(connection: sqlite3.Connection) -> None:
    writer = Writer(connection)
    with writer.transaction():
        writer.put("versions", [version("many", at, f"params.p{at}", 1) for at in range(50)])
    assert len(entries(connection, "params.", "versions", EVERY_NAME)) == MOST_NAMES


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1))
def test_whatever_an_entry_is_called_a_filter_can_ask_for_it(entry: str) -> None:
    assert parse_filter(f"{as_field(f'metrics.{entry}')} > 1", "versions") is not None


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1))
def test_a_quoted_name_is_read_as_what_is_called_so_also_before_it_is_over(entry: str) -> None:
    assert unquoted(f"tags.{quoted(entry)}") == f"tags.{entry}"
    assert unquoted(f"tags.{quoted(entry)[:-1]}") == f"tags.{entry}"
    assert unquoted(as_field(f"tags.{entry}")) == f"tags.{entry}"
