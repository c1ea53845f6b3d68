"""A file of search, as its service makes it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.query.search.projection.tables import make_tables, open_file


@pytest.fixture
def file(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    found = open_file(tmp_path / "search.sqlite")
    make_tables(found)
    yield found
    found.close()
