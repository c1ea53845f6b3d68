"""What the projection holds of a version is bounded, and what fails leaves nothing behind."""

import resource
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from pydantic import JsonValue

from registry.schemas.metadata import MAX_DESCRIPTION_CHARACTERS, RequestedMetadata
from services.query.search.finding import Wanted, find
from services.query.search.language.ordering import parse_order
from services.query.search.language.parsing import parse_filter
from services.query.search.projection.rows import Row, version_row
from services.query.search.projection.writing import Writer
from shared.domain.access.decision import EVERY_NAME
from tests.support.records import version

MIB = 1024 * 1024


def row(number: int = 1, **fields: object) -> Row:
    found = version_row(version(id=f"{number:032x}", number=number, **fields))
    assert found is not None
    return found


def write(writer: Writer, *rows: Row) -> None:
    with writer.transaction():
        writer.put("versions", rows)


def count(file: sqlite3.Connection, text: str) -> int:
    node, order = parse_filter(text, "versions"), parse_order([], "versions")
    return len(find(file, Wanted("versions", node, order, EVERY_NAME, 500)).items)


@contextmanager
def no_room(folder: Path) -> Generator[None]:
    """No file grows beyond what the largest one of the folder has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(each.stat().st_size for each in folder.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_long_names_above_many_entries_do_not_multiply() -> None:
    entries: JsonValue = {
        f"k{each}": {str(number): number for number in range(1000)} for each in range(22)
    }
    for _ in range(12):
        entries = {"\u4e2d" * 250: entries}
    parameters = {"deep": entries, "lr": 0.1}
    assert RequestedMetadata.model_validate({"parameters": parameters})
    held = row(parameters=parameters).facets
    assert sum(len(name.encode()) for name, _, _ in held) < MIB
    assert ("params.lr", 0, 0.1) in held
    wide = {f"k{each}": {str(number): 1 for number in range(1000)} for each in range(22)}
    held = row(parameters=wide, tags={"team": "risk"}, metrics={"auc": 1}).facets
    assert len(held) < 6000
    assert {("tags.team", 0, "risk"), ("metrics.auc", 0, 1.0)} <= set(held)


def test_descriptions_are_compared_alike_far_behind_whatever_they_are_written_in(
    file: sqlite3.Connection,
) -> None:
    texts = [letter * 1020 + "near" + letter * 100 + "far" for letter in ("a", "é")]
    writer = Writer(file)
    write(writer, *(row(number, description=text) for number, text in enumerate(texts, 1)))
    for operator in ("LIKE", "ILIKE"):
        assert count(file, f"description {operator} '%near%'") == 2
        assert count(file, f"description {operator} '%far%'") == 0


def test_patterns_on_long_descriptions_cost_what_their_beginnings_do(
    file: sqlite3.Connection,
) -> None:
    text = "é" * MAX_DESCRIPTION_CHARACTERS
    write(Writer(file), *(row(number, description=text) for number in range(1, 101)))
    pattern = "%" + "é" * 800 + "z%"
    begun = monotonic()
    count(file, f"description LIKE '{pattern}'")
    as_it_stands = monotonic() - begun
    begun = monotonic()
    count(file, f"description ILIKE '{pattern}'")
    assert monotonic() - begun < 4 * as_it_stands + 0.5


def test_a_commit_that_fails_leaves_no_number_of_a_name_behind(
    file: sqlite3.Connection, tmp_path: Path
) -> None:
    writer = Writer(file)
    with pytest.raises(sqlite3.OperationalError), no_room(tmp_path):
        write(writer, row(metrics={"auc": 1}))
    write(writer, row(1, tags={"team": "risk"}), row(2, metrics={"auc": 1}))
    assert count(file, "tags.team IS NOT NULL") == 1
    assert count(file, "metrics.auc = 1") == 1
    write(writer, row(1, tags={"team": "risk"}, metrics={"auc": 1}))
    assert count(file, "metrics.auc = 1") == 2


def test_names_that_edits_have_left_behind_are_forgotten(file: sqlite3.Connection) -> None:
    writer = Writer(file)
    for edit in range(3):
        write(writer, row(parameters={f"edit-{edit}-{n}": n for n in range(900)}, tags={"a": "b"}))
    after: int | None = 0
    while after is not None:
        after = writer.drop_unused_names(after)
    kept = {name for (name,) in file.execute("SELECT name FROM keys") if "edit-" in name}
    assert kept == {f"params.edit-2-{n}" for n in range(900)}
    write(writer, row(2, parameters={"edit-0-1": 7}))
    assert count(file, "params.edit-0-1 = 7") == 1
    assert count(file, "tags.a = b") == 1


@pytest.mark.parametrize(
    "word", ["mode\u0300le", "हिन्दी", "fraud\U0001f916x", "x\u1abfy", "a\u2122b", "école", "naïve*"]
)
def test_a_word_is_found_as_it_was_written_whatever_marks_and_symbols_it_has(
    file: sqlite3.Connection, word: str
) -> None:
    text = f"one {word.rstrip('*')}, two"
    write(Writer(file), row(1, description=text), row(2, description="mod a x le b y"))
    assert count(file, f"text HAS '{word}'") == 1
    assert count(file, f"text HAS 'TWO ({word})-one'") == 1
