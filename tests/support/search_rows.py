"""Rows of search's copy, for tests without a database, and what it costs to find some."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from services.query.search.projection.rows import Row
from shared.domain.names import namespace_of


def registered(name: str) -> Row:
    """A model of one version, with a tag."""
    columns: dict[str, str | int | None] = {
        "model": name,
        "namespace": namespace_of(name),
        "versions": 1,
        "latest": 1,
        "created_at": 1,
    }
    return Row(name, columns, [("tags.team", 0, "risk")], (name, None, ""), "{}")


@dataclass
class Counted:
    """Steps of SQLite's machine, to the next lower multiple of how many are counted at once."""

    steps: int = 0


@contextmanager
def counted_steps(connection: sqlite3.Connection, at_once: int = 1000) -> Generator[Counted]:
    """Count the steps that statements take inside the block."""
    counted = Counted()

    def count() -> int:
        counted.steps += at_once
        return 0

    connection.set_progress_handler(count, at_once)
    yield counted
    connection.set_progress_handler(None, 0)
