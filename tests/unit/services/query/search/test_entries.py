"""Values beside the rows of a page, compared with what the records say."""

import random
import sqlite3
from collections.abc import Mapping
from typing import Any, cast

import pytest

from services.query.search import entries
from services.query.search.entries import MORE, MOST_CHARACTERS, MOST_VALUES, Entries, read_entries
from services.query.search.projection.rows import version_row
from services.query.search.projection.writing import Writer
from tests.support.records import version
from tests.support.search_rows import counted_steps

GROUPS = ("params", "properties")


def write(file: sqlite3.Connection, parameters: Mapping[int, Mapping[str, Any]]) -> None:
    """Hold a version of churn of each number with these parameters."""
    rows = [
        version_row(
            version(
                id=f"{number:032x}",
                model="churn",
                number=number,
                parameters=dict(each),
                metrics={"auc": 1.0},
                tags={"params": "no parameter"},
            )
        )
        for number, each in parameters.items()
    ]
    writer = Writer(file)
    with writer.transaction():
        writer.put("versions", [row for row in rows if row])


def told(
    file: sqlite3.Connection, *wanted: str, numbers: range = range(1, 60), most: int = 30
) -> Entries:
    versions = [("churn", number) for number in numbers]
    return read_entries(file, versions, wanted, GROUPS, most)


def chosen(chance: random.Random) -> Any:
    values = [0, -3, 0.25, 2**60, True, False, "", "adam", "ä" * 300, "1"]
    if chance.random() < 0.3:
        return [chance.choice(values) for _ in range(chance.randrange(15))]
    return chance.choice([*values, None, {"a": 1, "b": {"c": "x"}}])


def expected(parameters: Mapping[str, Any], name: str) -> Any:
    """What is told of an entry, by the record."""

    def cut(value: Any) -> Any:
        return value[: MOST_CHARACTERS + 1] if isinstance(value, str) else value

    value: Any = parameters
    for part in name.split(".")[1:]:
        value = cast("dict[str, Any]", value).get(part) if isinstance(value, dict) else None
    if isinstance(value, dict) or value is None:
        return None
    if isinstance(value, list):
        some = [cut(each) for each in cast("list[Any]", value)[: MOST_VALUES + 1]]
        if len(some) > MOST_VALUES:
            some[-1] = MORE
        return some[0] if len(some) == 1 else some or None
    return cut(value)


@pytest.mark.parametrize("seed", range(40))
def test_values_are_those_of_the_records(file: sqlite3.Connection, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    names = ("lr", "optimizer", "layers", "deep")
    held = {
        number: {name: chosen(chance) for name in names if chance.random() < 0.8}
        for number in range(1, 51)
    }
    write(file, held)
    wanted = [f"params.{name}" for name in (*names, "deep.a", "deep.b.c", "nothing")]
    found = told(file, *wanted)
    for number, parameters in held.items():
        of_one = found.values.get(("churn", number), {})
        for name in wanted:
            value = expected(parameters, name)
            assert of_one.get(name) == value, (number, name)
            assert isinstance(of_one.get(name), bool) == isinstance(value, bool), (number, name)


def test_only_what_is_wanted_of_the_rows_of_the_page_is_told(file: sqlite3.Connection) -> None:
    write(file, {1: {"lr": 0.1, "depth": 3}, 2: {"lr": 0.2}})
    assert told(file, "params.lr", numbers=range(1, 2)).values == {("churn", 1): {"params.lr": 0.1}}
    assert told(file, numbers=range(5, 9)) == Entries()


def test_names_are_those_of_parameters_and_properties_up_to_a_bound(
    file: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, {1: {"lr": 0.1, "deep": {"x": 1}}, 2: {"depth": 3}, 3: {"other": 1}})
    found = told(file, numbers=range(1, 3)).names
    assert found == {"params": ["params.deep.x", "params.depth", "params.lr"], "properties": []}
    assert told(file, numbers=range(1, 3), most=2).names["params"] == found["params"][:2]
    monkeypatch.setattr(entries, "MOST_LOOKED_AT", 1)
    assert len(told(file, numbers=range(1, 3)).names["params"]) <= 1


def test_a_page_is_read_by_indexes_whatever_the_versions_hold(file: sqlite3.Connection) -> None:
    write(file, {number: {f"p{at}": at for at in range(1000)} for number in range(1, 51)})
    write(file, {number: {} for number in range(51, 20_000)})
    with counted_steps(file) as counted:
        found = told(file, "params.p7", "params.p999", numbers=range(1, 51))
    assert found.values[("churn", 50)] == {"params.p7": 7, "params.p999": 999}
    assert counted.steps < 100_000, (
        f"{counted.steps}: reading all entries, or all versions, takes some 500,000"
    )
