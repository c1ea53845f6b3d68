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
WAIT_SECONDS = 5.0
"""Who has waited so long for a connection is to come again: with what a search takes beside it, no
answer goes to a token that was revoked 10 s before."""


class SearchNotLoaded(Unavailable):
    """The projection does not have everything yet."""

    def __init__(self) -> None:
        super().__init__("search_loading", "search is loading; lookups and lists are not concerned")


class SearchBehind(Unavailable):
    """The projection could not be brought up to what the caller has seen."""

    def __init__(self) -> None:
        super().__init__("search_behind", "search does not have what was seen yet; try again")


class SearchTooCostly(InvalidRequest):
    """A search read for as long as one may; asked for less, it could be answered."""

    def __init__(self) -> None:
        rule = f"takes longer than {SEARCH_SECONDS:g} s: ask for less"
        super().__init__("filter", rule, "search_too_costly")


class Reader:
    """Reads of one file; each sees it as it is at its beginning, whatever is written meanwhile."""

    def __init__(self, path: Path) -> None:
        """Connect as often as there are threads; raises sqlite3.Error.

        Connections that were opened later would make another file where this one is removed.
        """
        self._threads = ThreadPoolExecutor(THREADS, "search-read")
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._under_way = 0
        self._is_closed = False
        for _ in range(THREADS):
            self._idle.put(open_file(path, read_only=True))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do some work with a connection, in a thread.

        Raises TooManyRequests, SearchTooCostly, SearchNotLoaded where the file is being made anew,
        and sqlite3.Error.
        """
        if self._is_closed:
            raise SearchNotLoaded
        if self._under_way >= THREADS + MOST_WAITING:
            raise _too_many()
        self._under_way += 1
        latest = monotonic() + WAIT_SECONDS
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._with_connection, work, latest
            )
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Disconnect, once what is under way has ended; what waits is refused."""
        self._is_closed = True
        self._threads.shutdown()
        while not self._idle.empty():
            self._idle.get_nowait().close()

    def _with_connection(self, work: Callable[[sqlite3.Connection], T], latest: float) -> T:
        if self._is_closed:
            raise SearchNotLoaded
        if monotonic() > latest:
            raise _too_many()
        connection = self._idle.get_nowait()  # as many as threads: there is one
        try:
            return _limited(connection, work)
        finally:
            self._idle.put(connection)


def _too_many() -> TooManyRequests:
    return TooManyRequests("too_many_searches", "too many searches are under way; try again")


def _limited(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    end = monotonic() + SEARCH_SECONDS
    connection.set_progress_handler(lambda: int(monotonic() > end), _STEPS)
    connection.execute("BEGIN")
    try:
        return work(connection)
    except sqlite3.OperationalError as error:
        if monotonic() > end:
            raise SearchTooCostly from error
        raise
    finally:
        connection.set_progress_handler(None, 0)
        connection.rollback()
