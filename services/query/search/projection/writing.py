"""Writing to the projection: rows in place of those that were there, in one transaction."""

import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from services.query.search.language.fields import Kind
from services.query.search.projection.rows import Row, folded
from services.query.search.projection.tables import TABLES

T = TypeVar("T")
_PORTION = 500
"""Values of one statement's list."""
_REMEMBERED = 10_000
"""Names of entries whose numbers are kept in memory: users make as many as they like."""


class Writer:
    """The one connection that writes, for one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._keys: dict[str, int] = {}

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Write all that the block writes, or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._keys.clear()  # some of them may be of this transaction
            self._db.rollback()  # nothing where SQLite has done so, as with a full disk
            raise

    def put(self, kind: Kind, rows: Iterable[Row]) -> int:
        """Write rows, in place of those with the same key; returns how many were not so yet."""
        written = 0
        for portion in _portions(rows):
            known = self._marks(kind, [row.key for row in portion])
            for row in portion:
                owner, before = known.get(row.key, (None, None))
                mark = row.mark()
                if mark != before:
                    self._put(kind, row, owner, mark)
                    written += 1
        return written

    def remove(self, kind: Kind, keys: Iterable[str]) -> int:
        """Take away the rows with these keys; returns how many there were."""
        gone = 0
        for portion in _portions(keys):
            for owner, _ in self._marks(kind, portion).values():
                self._clear(kind, owner)
                self._db.execute(f"DELETE FROM {TABLES[kind].main} WHERE id = ?", (owner,))  # noqa: S608
                gone += 1
        return gone

    def drop_unused_names(self, after: int) -> int | None:
        """Forget names of entries that no row has any more, of some behind a number.

        Returns the number of the last one looked at; None where there was none left.
        """
        query = "SELECT max(id) FROM (SELECT id FROM keys WHERE id > ? ORDER BY id LIMIT ?)"
        [(last,)] = self._db.execute(query, (after, _PORTION))
        if last is None:
            return None
        unused = " AND ".join(
            f"NOT EXISTS (SELECT 1 FROM {each.facets} WHERE key = keys.id)"  # noqa: S608
            for each in TABLES.values()
        )
        with self.transaction():
            self._keys.clear()
            self._db.execute(
                f"DELETE FROM keys WHERE id > ? AND id <= ? AND {unused}",  # noqa: S608
                (after, last),
            )
        return last

    def keys_of(self, kind: Kind, model: str) -> set[str]:
        """Return the keys of all rows of a model."""
        query = f"SELECT key FROM {TABLES[kind].main} WHERE model = ?"  # noqa: S608
        return {key for (key,) in self._db.execute(query, (model,))}

    def numbers_with(self, model: str, aliases: Iterable[str]) -> set[int]:
        """Return the numbers of a model's versions that hold any of these aliases."""
        found: set[int] = set()
        for portion in _portions(aliases):
            query = (
                "SELECT v.number FROM versions v JOIN versions_facets f ON f.owner = v.id"  # noqa: S608
                " WHERE v.model = ? AND f.key = (SELECT id FROM keys WHERE name = 'alias')"
                f" AND f.value IN ({_marks_for(portion)})"
            )
            found |= {number for (number,) in self._db.execute(query, (model, *portion))}
        return found

    def applied(self, models: Iterable[str]) -> dict[str, int]:
        """Return up to which event each of the models is held; those that are not are left out."""
        found: dict[str, int] = {}
        for portion in _portions(models):
            query = f"SELECT * FROM applied WHERE model IN ({_marks_for(portion)})"  # noqa: S608
            found |= dict(self._db.execute(query, portion))
        return found

    def all_applied(self) -> dict[str, int]:
        """Return up to which event each model is held."""
        return dict(self._db.execute("SELECT model, sequence FROM applied"))

    def set_applied(self, sequences: Mapping[str, int]) -> None:
        """Record up to which event models are held."""
        self._db.executemany("REPLACE INTO applied VALUES (?, ?)", list(sequences.items()))

    def forget(self, model: str) -> None:
        """Take a model away with its versions."""
        self._db.execute("DELETE FROM applied WHERE model = ?", (model,))
        self.remove("versions", self.keys_of("versions", model))
        self.remove("models", [model])

    def about(self, name: str) -> str | int | None:
        """Return what was recorded about the file."""
        found = self._db.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    def set_about(self, name: str, value: str | int) -> None:
        """Record something about the file."""
        self._db.execute("REPLACE INTO about VALUES (?, ?)", (name, value))

    def tidy(self) -> None:
        """Give the log back to the file."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Disconnect."""
        self._db.close()

    def _marks(self, kind: Kind, keys: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        tables = TABLES[kind]
        query = (
            f"SELECT v.key, v.id, i.mark FROM {tables.main} v JOIN {tables.items} i"  # noqa: S608
            f" ON i.owner = v.id WHERE v.key IN ({_marks_for(keys)})"
        )
        return {key: (owner, mark) for key, owner, mark in self._db.execute(query, keys)}

    def _put(self, kind: Kind, row: Row, owner: int | None, mark: bytes) -> None:
        tables = TABLES[kind]
        names = ", ".join(("id", "key", *row.columns))
        values = (owner, row.key, *row.columns.values())
        if owner is not None:
            self._clear(kind, owner)
        # A number that another id had, as after the records were made anew, is this one's now.
        stale = self._holder(kind, row)
        if stale is not None and stale != row.key:
            self.remove(kind, [stale])
        placed = self._db.execute(
            f"REPLACE INTO {tables.main} ({names}) VALUES ({_marks_for(values)})",  # noqa: S608
            values,
        )
        owner = owner if owner is not None else placed.lastrowid
        self._db.executemany(
            f"INSERT INTO {tables.facets} VALUES (?, ?, ?, ?, ?)",  # noqa: S608
            [
                (owner, self._key(name), place, value, folded(value))
                for name, place, value in row.facets
            ],
        )
        self._db.execute(
            f"INSERT INTO {tables.words} (rowid, name, description, tags, folded)"  # noqa: S608
            " VALUES (?, ?, ?, ?, ?)",
            (owner, *row.words, folded(row.words[1])),
        )
        self._db.execute(f"INSERT INTO {tables.items} VALUES (?, ?, ?)", (owner, row.item, mark))  # noqa: S608

    def _holder(self, kind: Kind, row: Row) -> str | None:
        tables = TABLES[kind]
        where = " AND ".join(f"{column} = ?" for column in tables.identity)
        identity = [row.columns[column] for column in tables.identity]
        query = f"SELECT key FROM {tables.main} WHERE {where}"  # noqa: S608
        found = self._db.execute(query, identity).fetchone()
        return found[0] if found else None

    def _clear(self, kind: Kind, owner: int) -> None:
        tables = TABLES[kind]
        self._db.execute(f"DELETE FROM {tables.facets} WHERE owner = ?", (owner,))  # noqa: S608
        self._db.execute(f"DELETE FROM {tables.words} WHERE rowid = ?", (owner,))  # noqa: S608
        self._db.execute(f"DELETE FROM {tables.items} WHERE owner = ?", (owner,))  # noqa: S608

    def _key(self, name: str) -> int:
        if name not in self._keys:
            if len(self._keys) >= _REMEMBERED:
                self._keys.clear()
            self._db.execute("INSERT OR IGNORE INTO keys (name) VALUES (?)", (name,))
            [(number,)] = self._db.execute("SELECT id FROM keys WHERE name = ?", (name,))
            self._keys[name] = number
        return self._keys[name]


def _marks_for(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _portions(values: Iterable[T]) -> Iterator[list[T]]:
    waiting = iter(values)
    while portion := list(islice(waiting, _PORTION)):
        yield portion
