"""The index of decisions says what the records say."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
HEAD = re.compile(
    r"# (?P<number>\d+)\. (?P<title>.+)\n\n"
    r"Status: (?P<status>accepted|superseded by \d+)\. Date: (?P<date>\d{4}-\d\d-\d\d)\.\n\n"
    r"\*\*Context\.\*\* "
)
ROW = re.compile(r"^\| (\d+) \| \[(.+)\]\((.+)\) \| (.+) \| (.+) \|$", re.MULTILINE)


def head(record: Path) -> tuple[str, ...]:
    found = HEAD.match(record.read_text(encoding="utf-8"))
    assert found, f"{record.name} does not begin with number, title, status, date and context"
    return found["number"], found["title"], record.name, found["status"], found["date"]


def test_the_index_has_a_row_for_each_record_as_it_describes_itself() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert ROW.findall(index) == [head(record) for record in RECORDS]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_is_named_by_its_number(record: Path) -> None:
    assert record.name.startswith(f"{int(head(record)[0]):04}-")


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_says_what_was_decided_and_what_comes_of_it(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert text.count("\n**Decision.** ") == text.count("\n**Consequence.** ") == 1
