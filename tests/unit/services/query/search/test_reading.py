"""Reads of search's file go on, or are refused, whatever becomes of the file meanwhile."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.query.search.projection import reading
from services.query.search.projection.reading import THREADS, Reader, SearchNotLoaded
from services.query.search.projection.tables import is_damage, make_tables, open_file
from shared.domain.errors import TooManyRequests
from tests.support.eventually import eventually


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "search.sqlite"
    connection = open_file(found)
    make_tables(connection)
    connection.close()
    return found


class Gate:
    """Keeps reads under way until it is opened."""

    def __init__(self) -> None:
        self.is_open = threading.Event()
        self.passed = threading.Semaphore(0)

    def wait(self, _: sqlite3.Connection) -> bool:
        self.passed.release()
        return self.is_open.wait(30)

    def fill(self, reader: Reader) -> list[asyncio.Task[bool]]:
        return [asyncio.create_task(reader.read(self.wait)) for _ in range(THREADS)]

    async def is_full(self) -> None:
        for _ in range(THREADS):
            assert await asyncio.to_thread(self.passed.acquire, timeout=30)


@pytest.fixture
def gate() -> Iterator[Gate]:
    found = Gate()
    yield found
    found.is_open.set()


async def test_searches_that_wait_are_refused_where_the_file_is_made_anew(
    path: Path, gate: Gate
) -> None:
    reader = Reader(path)
    under_way = gate.fill(reader)
    await gate.is_full()
    waiting = [asyncio.create_task(reader.read(gate.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(reader.close))

    async def is_closing() -> bool | None:
        waiting.append(asyncio.create_task(reader.read(gate.wait)))
        await asyncio.sleep(0)
        return waiting[-1].done() or None

    await eventually(is_closing)
    gate.is_open.set()
    assert await asyncio.gather(*under_way) == [True] * THREADS
    for each in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(each, SearchNotLoaded)
    await closing


async def test_who_has_waited_long_is_to_come_again(
    path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(path)
    under_way = gate.fill(reader)
    await gate.is_full()
    monkeypatch.setattr(reading, "WAIT_SECONDS", -1.0)
    waiting = asyncio.create_task(reader.read(gate.wait))
    await asyncio.sleep(0)
    gate.is_open.set()
    await asyncio.gather(*under_way)
    with pytest.raises(TooManyRequests):
        await waiting
    reader.close()


async def test_a_file_that_is_removed_is_read_on(path: Path, gate: Gate) -> None:
    reader = Reader(path)
    for each in path.parent.iterdir():
        each.unlink()

    def tables(connection: sqlite3.Connection) -> int:
        gate.wait(connection)  # so that each connection is asked
        return len(connection.execute("SELECT * FROM sqlite_schema").fetchall())

    asked = [asyncio.create_task(reader.read(tables)) for _ in range(THREADS)]
    await gate.is_full()
    gate.is_open.set()
    assert min(await asyncio.gather(*asked)) > 0
    reader.close()


def test_what_says_that_a_file_is_damaged_is_told_from_what_does_not(tmp_path: Path) -> None:
    path = tmp_path / "odd"
    path.write_bytes(b"no database" * 1000)
    file = sqlite3.connect(path)
    with pytest.raises(sqlite3.DatabaseError) as damaged:
        file.execute("SELECT * FROM sqlite_schema")
    assert is_damage(damaged.value)
    with pytest.raises(sqlite3.OperationalError) as wrong:
        sqlite3.connect(":memory:").execute("SELECT * FROM nothing")
    assert not is_damage(wrong.value)
    assert not is_damage(ValueError())
    file.close()
