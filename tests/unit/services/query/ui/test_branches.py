"""The tree below a namespace, compared with a plain model over random names."""

import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from services.query.search.language.parsing import parse_filter
from services.query.search.projection.tables import make_tables, open_file
from services.query.search.projection.writing import Writer
from services.query.ui.branches import MOST_LEVELS, Branch, read_branches
from services.query.ui.finding import question
from shared.domain.access.decision import EVERY_NAME, NameFilter
from tests.support.search_rows import registered

PARTS = ("risk", "eu", "e", "eu-1", "a_b", "x")


def holding(folder: Path, names: Sequence[str]) -> sqlite3.Connection:
    found = open_file(folder / "search.sqlite")
    make_tables(found)
    writer = Writer(found)
    with writer.transaction():
        writer.put("models", map(registered, names))
    return found


def expected(names: Sequence[str], opened: str, at: int = 1) -> list[Branch]:
    """What is below the first parts of a place, by looking at every name."""
    way = opened.split(".")
    if at > len(way):
        return []
    beginning = way[:at]
    branches: dict[str, int] = {}
    for name in names:
        parts = name.split(".")
        if parts[:at] == beginning and len(parts) > at + 1:
            branch = ".".join(parts[: at + 1])
            branches[branch] = branches.get(branch, 0) + 1
    following = ".".join(way[: at + 1])
    return [
        Branch(each, count, expected(names, opened, at + 1) if each == following else [])
        for each, count in sorted(branches.items())
    ]


@pytest.mark.parametrize("seed", range(20))
def test_the_tree_is_what_the_names_say(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    names = sorted({".".join(chance.choices(PARTS, k=chance.randrange(1, 6))) for _ in range(300)})
    some = NameFilter(
        names=frozenset(chance.sample(names, 40)), namespaces=frozenset(["risk.eu.", "x."])
    )
    connection = holding(tmp_path, names)
    for visible in (EVERY_NAME, some, NameFilter()):
        seen = [each for each in names if visible.has(each)]
        for _ in range(20):
            opened = ".".join(chance.choices(PARTS, k=chance.randrange(1, 5)))
            found = read_branches(connection, opened, visible)
            assert _listed(found) == expected(seen, opened), opened
    connection.close()


def _listed(branches: Sequence[Branch]) -> list[Branch]:
    return [Branch(each.name, each.models, _listed(each.branches)) for each in branches]


def test_a_place_however_deep_costs_a_bounded_number_of_questions(tmp_path: Path) -> None:
    connection = holding(tmp_path, ["a." * 50 + "m"])
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    read_branches(connection, ".".join("a" * 50), EVERY_NAME)
    connection.close()
    assert len(asked) == MOST_LEVELS


@pytest.mark.parametrize("place", ["risk", "risk.eu", "o'brien", "a_b.c'd.e"])
def test_a_place_is_known_again_by_the_filter_that_asks_for_it(place: str) -> None:
    address = question("models", "", "", "", None).below(place)
    text = parse_qs(urlsplit(address).query)["filter"][0]
    asked = question("models", text, "", "", None)
    assert asked.place == place
    assert asked.is_below(place)
    assert parse_filter(text, "models") is not None


@pytest.mark.parametrize(
    "text", ["", "namespace IS NULL", "name LIKE 'risk%'", "namespace = 'a' AND versions > 1"]
)
def test_another_filter_is_no_place(text: str) -> None:
    assert question("models", text, "", "", None).place == ""
