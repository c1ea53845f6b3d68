"""The tables of the projection, alike for each kind, and the connections to them."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.query.search.language.fields import Kind

LAYOUT = 2
"""Counted on with each change of the tables, or of what rows hold: older files are made anew."""
BUSY_SECONDS = 10.0
CACHE_KIB = 16 * 1024
"""Pages that each connection keeps in memory."""
MAPPED_BYTES = 256 * 1024 * 1024
"""Of the file, so much is read through the page cache of the machine."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one kind."""

    main: str
    """One row each: the fields that have one value. Beside it `_facets`, `_words` and `_items`."""
    columns: Mapping[str, str]
    """The column of each such field."""
    identity: Sequence[str]
    """The columns by which rows are told apart, and that decide where all else is equal."""
    indexed: Sequence[str]
    """Columns, with an index each in whose order results can be read."""

    @property
    def facets(self) -> str:
        """Fields with several values, and entries of metadata: a row for each value."""
        return f"{self.main}_facets"

    @property
    def words(self) -> str:
        """The texts whose words are searched."""
        return f"{self.main}_words"

    @property
    def items(self) -> str:
        """What is answered of each, as JSON, and a digest of all that is held of it."""
        return f"{self.main}_items"


TABLES: Mapping[Kind, Tables] = {
    "versions": Tables(
        "versions",
        {
            "name": "model",
            "version": "number",
            "namespace": "namespace",
            "label": "label",
            "state": "state",
            "framework": "framework",
            "created_at": "created_at",
            "ready_at": "ready_at",
            "archived_at": "archived_at",
            "size": "size",
        },
        ("model", "number"),
        ("label", "state", "framework", "created_at", "ready_at", "size"),
    ),
    "models": Tables(
        "models",
        {
            "name": "model",
            "namespace": "namespace",
            "versions": "versions",
            "latest": "latest",
            "created_at": "created_at",
        },
        ("model",),
        ("created_at",),
    ),
}

_SHARED = """
CREATE TABLE about (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE applied (model TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE keys (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
"""
# Values have no affinity: a number stays a number, and sorts below each text. True and false are
# blobs of one byte, above each text.
_EACH = """
CREATE TABLE {main} (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, {columns});
CREATE UNIQUE INDEX {main}_by_identity ON {main} ({identity});
CREATE TABLE {main}_facets (
    owner INTEGER NOT NULL, key INTEGER NOT NULL, place INTEGER NOT NULL,
    value NOT NULL, folded TEXT,
    PRIMARY KEY (owner, key, place)
) WITHOUT ROWID;
CREATE INDEX {main}_by_facet ON {main}_facets (key, value);
CREATE VIRTUAL TABLE {main}_words USING fts5(
    name, description, tags, folded UNINDEXED, tokenize = 'unicode61 remove_diacritics 0'
);
CREATE TABLE {main}_items (owner INTEGER PRIMARY KEY, item TEXT NOT NULL, mark BLOB NOT NULL);
"""


def open_file(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Connect to the file, which the first one makes; raises sqlite3.Error."""
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode = WAL")
    # A loss of power may cost the last transactions, and never a part of one: what is applied is
    # told by the file itself, so they are read again.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute(f"PRAGMA mmap_size = {MAPPED_BYTES}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA query_only = {int(read_only)}")
    connection.create_function("fold", 1, _fold, deterministic=True)
    return connection


def is_damage(error: Exception) -> bool:
    """Whether an error says that the file does not hold what it should, so that it is made anew."""
    codes = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT)
    # Those that SQLite did not raise have no code; the low byte is the kind of error.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in codes


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty file."""
    statements = [_SHARED]
    for tables in TABLES.values():
        identity = ", ".join(tables.identity)
        columns = ", ".join(dict.fromkeys(tables.columns.values()))
        statements.append(_EACH.format(main=tables.main, columns=columns, identity=identity))
        statements += [
            f"CREATE INDEX {tables.main}_by_{column} ON {tables.main} ({column}, {identity});"
            for column in tables.indexed
        ]
    connection.executescript("\n".join(statements))


def _fold(text: str) -> str:
    return text.casefold()
