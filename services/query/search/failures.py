"""What happens where search's file cannot be read: whoever asked is told, and it is mended."""

import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from services.query.search.projection.projection import Projection
from shared.domain.errors import Unavailable
from shared.runtime.logs import get_logger

T = TypeVar("T")

log = get_logger(__name__)


@contextmanager
def told_failures(search: Projection) -> Generator[None]:
    """Raise Unavailable for an error of the file, which is made anew where it is damaged."""
    try:
        yield
    except sqlite3.Error as error:
        log.error("search fails", exc_info=error)
        search.has_failed(error)
        raise Unavailable("search_failed", "search's file cannot be read; try again") from error


async def read_told(search: Projection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Return what `work` reads; raises Unavailable, TooManyRequests, SearchTooCostly."""
    with told_failures(search):
        return await search.reader().read(work)
