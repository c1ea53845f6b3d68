"""By which indexes the kinds of search that the benchmark asks find their rows."""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from bench.search_data import Shape, shapes, versions
from services.query.search import finding
from services.query.search.finding import Wanted, find, plan_of
from services.query.search.language.ordering import parse_order
from services.query.search.language.parsing import parse_filter
from services.query.search.projection.rows import model_row, version_row
from services.query.search.projection.tables import make_tables, open_file
from services.query.search.projection.writing import Writer
from services.query.search.statements import plans, sources
from shared.domain.access.decision import EVERY_NAME, NameFilter
from tests.support.records import version
from tests.support.search_rows import counted_steps

MODELS, OF_EACH = 60, 50
BROAD = 100
"""So many rows are many here, where there are 3,000."""


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    found = open_file(tmp_path_factory.mktemp("search") / "search.sqlite")
    make_tables(found)
    writer = Writer(found)
    rows = [
        version_row(
            version(
                id=f"{each.model}/{each.number}",
                model=each.model,
                number=each.number,
                state="ready",
                description=each.description,
                framework=each.framework,
                metrics={"auc": each.auc, "loss": each.loss},
                parameters={"depth": each.depth},
                tags=each.tags,
                aliases=each.aliases,
                created_at=each.created_at,
            )
        )
        for each in versions(MODELS, OF_EACH)
    ]
    names = sorted({str(row.columns["model"]) for row in rows if row})
    at = datetime(2026, 1, 1, tzinfo=UTC)
    counters = {"version_count": OF_EACH, "sequence": 1, "created_at": at}
    with writer.transaction():
        writer.put("versions", [row for row in rows if row])
        writer.put("models", [model_row({"_id": name, **counters}) for name in names])
    yield found
    found.close()


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sources, plans, finding):
        monkeypatch.setattr(module, "MOST_COUNTED", BROAD)
    monkeypatch.setattr(sources, "FEW", BROAD // 40)


def plan_lines(connection: sqlite3.Connection, wanted: Wanted) -> Sequence[str]:
    """How SQLite finds what the statements of a search ask for."""
    return [
        line[3]
        for statement in plan_of(connection, wanted).statements
        for line in connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", statement.values)
    ]


def is_walk_over_all(line: str) -> bool:
    """Whether a line reads a table without an index; what a term has found is read so as well."""
    return (
        line.startswith("SCAN ")
        and line.split()[1] in ("v", "f", "o0", "w")
        and "INDEX" not in line
    )


def wanted_by(shape: Shape, names: NameFilter = EVERY_NAME) -> Wanted:
    node = parse_filter(shape.ours(random.Random(1)), "versions")  # noqa: S311
    order = parse_order([shape.order_by] if shape.order_by else [], "versions")
    return Wanted("versions", node, order, names, 20)


@pytest.mark.parametrize("shape", shapes(MODELS), ids=lambda shape: shape.name)
def test_no_kind_of_search_reads_everything(connection: sqlite3.Connection, shape: Shape) -> None:
    lines = plan_lines(connection, wanted_by(shape))
    assert not [line for line in lines if is_walk_over_all(line)], lines


@pytest.mark.parametrize("shape", shapes(MODELS), ids=lambda shape: shape.name)
def test_a_page_costs_about_as_much_as_the_rows_that_the_narrowest_term_or_the_page_has(
    connection: sqlite3.Connection, shape: Shape
) -> None:
    """Reading all 3,000 rows with their terms would take far more than 100,000 steps."""
    with counted_steps(connection) as counted:
        find(connection, wanted_by(shape))
    assert counted.steps < 60_000, shape.name


def test_who_may_read_few_models_is_asked_by_their_names(connection: sqlite3.Connection) -> None:
    [broad] = [each for each in shapes(MODELS) if each.name == "broad, by metric"]
    names = NameFilter(names=frozenset(("churn-00001",)))
    lines = plan_lines(connection, wanted_by(broad, names))
    assert any("versions_by_identity (model=?)" in line for line in lines)


@pytest.mark.parametrize("text", ["metrics.auc > 0.999", "name = 'risk.churn-00001'"])
def test_who_may_read_many_namespaces_is_asked_by_the_narrowest_term_as_others_are(
    connection: sqlite3.Connection, text: str
) -> None:
    namespaces = frozenset(("risk.", *(f"team-{number}." for number in range(63))))
    names = NameFilter(names=frozenset(("churn-00001",)), namespaces=namespaces)
    node, order = parse_filter(text, "versions"), parse_order([], "versions")
    with counted_steps(connection, at_once=100) as counted:
        find(connection, Wanted("versions", node, order, names, 20))
    assert counted.steps < 10_000
    lines = plan_lines(connection, Wanted("versions", None, order, names, 20))
    assert not [line for line in lines if is_walk_over_all(line)], lines


def test_a_plan_that_reads_everything_is_seen(connection: sqlite3.Connection) -> None:
    node = parse_filter("description LIKE '%x%'", "versions")
    order = parse_order(["namespace"], "versions")
    lines = plan_lines(connection, Wanted("versions", node, order, EVERY_NAME, 20))
    assert any(map(is_walk_over_all, lines))
