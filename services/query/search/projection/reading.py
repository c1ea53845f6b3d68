"""Reading from the projection: a bounded set of connections, each used by one thread at a time."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import TypeVar

from services.query.search.projection.tables import open_file
from shared.domain.errors import InvalidRequest, TooManyRequests, Unavailable

T = TypeVar("T")
THREADS = 4
MOST_WAITING = 64
"""Searches that wait for a connection; who comes then is to come again."""
SEARCH_SECONDS = 2.0
"""How long one search may take; one that reads an index takes some milliseconds."""
_STEPS = 5_000
"""Steps of SQLite's machine between two looks at the clock."""


class SearchNotLoaded(Unavailable):
    """The projection does not have everything yet."""

    def __init__(self) -> None:
        super().__init__("search_loading", "search is loading; lookups and lists are not concerned")


class Reader:
    """Reads of one file; each sees it as it is at its beginning, whatever is written meanwhile."""

    def __init__(self, path: Path) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "search-read")
        self._path = path
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._under_way = 0

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do some work with a connection, in a thread.

        Raises TooManyRequests, InvalidRequest where it takes too long, SearchNotLoaded where the
        file is being made anew, and sqlite3.Error.
        """
        if self._under_way >= THREADS + MOST_WAITING:
            raise TooManyRequests("too_many_searches", "too many searches are under way; try again")
        self._under_way += 1
        try:
            loop = asyncio.get_running_loop()
            waiting = loop.run_in_executor(self._threads, self._with_connection, work)
        except RuntimeError:  # the file is being made anew
            self._under_way -= 1
            raise SearchNotLoaded from None
        try:
            return await waiting
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Disconnect, once what is under way has ended."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        while not self._idle.empty():
            self._idle.get_nowait().close()

    def _with_connection(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._taken()
        try:
            return _limited(connection, work)
        finally:
            self._idle.put(connection)

    def _taken(self) -> sqlite3.Connection:
        # As many connections as threads: whoever finds none idle is the first on its thread.
        if self._idle.empty():
            return open_file(self._path, read_only=True)
        return self._idle.get_nowait()


def _limited(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    end = monotonic() + SEARCH_SECONDS
    connection.set_progress_handler(lambda: int(monotonic() > end), _STEPS)
    connection.execute("BEGIN")
    try:
        return work(connection)
    except sqlite3.OperationalError as error:
        if monotonic() > end:
            rule = f"takes longer than {SEARCH_SECONDS:g} s: ask for less"
            raise InvalidRequest("filter", rule, "search_too_costly") from error
        raise
    finally:
        connection.set_progress_handler(None, 0)
        connection.rollback()
