"""The projection's file: who writes it, who reads it, and how it is made anew."""

import asyncio
import fcntl
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TypeVar

from services.query.search.projection.reading import Reader, SearchNotLoaded
from services.query.search.projection.tables import LAYOUT, make_tables, open_file
from services.query.search.projection.writing import Writer

T = TypeVar("T")
FILE = "search.sqlite"


MOST_PROCESSES = 64
"""Processes that may have their files in one folder, each in a folder of its own in it."""


class FolderInUse(Exception):
    """As many other processes have their projections in this folder as may."""


class Store:
    """One file of SQLite, written by one thread, and read by some."""

    def __init__(self, folder: str, source: str) -> None:
        """Keep the file below a folder, or with an empty one in a temporary folder of its own.

        `source` names the records that it is made from: a file of others is made anew.
        """
        self._kept = Path(folder) if folder else None
        self._source = source
        self._thread = ThreadPoolExecutor(1, "search-write")
        self._folder: Path | None = None
        self._lock: IO[str] | None = None
        self._writer: Writer | None = None
        self._reader: Reader | None = None
        self.turn = asyncio.Lock()
        """Held by whoever reads records and writes them here: else older ones could be written
        over newer ones."""

    @property
    def reader(self) -> Reader | None:
        """What reads it; None while it is not open."""
        return self._reader

    async def open(self) -> None:
        """Open the file, made where it is not there; raises OSError, sqlite3.Error, FolderInUse."""
        await self._in_thread(self._open)

    async def write(self, work: Callable[[Writer], T]) -> T:
        """Do some work with the writer; raises sqlite3.Error, and SearchNotLoaded while there is
        no file."""

        def do() -> T:
            if self._writer is None:
                raise SearchNotLoaded
            return work(self._writer)

        return await self._in_thread(do)

    async def renew(self) -> None:
        """Have an empty file in place of what is there."""
        await self._in_thread(self._renew)

    async def size_bytes(self) -> int:
        """Return the bytes that it takes on the disk."""

        def total() -> int:
            folder = self._folder
            return sum(each.stat().st_size for each in folder.glob(f"{FILE}*")) if folder else 0

        return await self._in_thread(total)

    async def close(self) -> None:
        """Disconnect; a temporary folder is removed."""
        await self._in_thread(self._close)
        self._thread.shutdown()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> None:
        if self._writer is not None:
            return
        if self._folder is None:
            self._folder = self._taken_folder()
        path = self._folder / FILE
        try:
            writer = self._opened(path)
        except sqlite3.DatabaseError:
            # Damaged, or of another layout: nothing in it is not in MongoDB.
            self._remove()
            writer = self._opened(path)
        try:
            self._reader = Reader(path)
        except BaseException:
            writer.close()
            raise
        self._writer = writer

    def _opened(self, path: Path) -> Writer:
        is_new = not path.exists()
        connection = open_file(path)
        try:
            if is_new:
                make_tables(connection)
                Writer(connection).set_about("layout", LAYOUT)
                Writer(connection).set_about("source", self._source)
            writer = Writer(connection)
            if (writer.about("layout"), writer.about("source")) != (LAYOUT, self._source):
                raise sqlite3.DatabaseError("it was made by another release, or of other records")
        except BaseException:
            connection.close()
            raise
        return writer

    def _taken_folder(self) -> Path:
        if self._kept is None:
            return Path(tempfile.mkdtemp(prefix="registry-search-"))
        for number in range(MOST_PROCESSES):
            folder = self._kept / str(number)
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / "lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
            else:
                self._lock = lock
                return folder
        raise FolderInUse(f"{self._kept} is used by {MOST_PROCESSES} processes")

    def _renew(self) -> None:
        self._disconnect()
        self._remove()
        self._open()

    def _remove(self) -> None:
        if self._folder is not None:
            for each in self._folder.glob(f"{FILE}*"):
                each.unlink(missing_ok=True)

    def _disconnect(self) -> None:
        if self._reader is not None:
            self._reader.close()
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    def _close(self) -> None:
        self._disconnect()
        if self._lock is not None:
            self._lock.close()
        elif self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
