"""Namespaces: what a caller's models and versions come to in each, from search's copy."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import nlargest
from time import monotonic
from typing import Any, Final

from cachetools import LRUCache
from fastapi import Request

from services.query.context import Context
from services.query.search.failures import read_told
from services.query.search.projection.reading import SearchTooCostly
from services.query.search.statements.sql import Sql, joined, listed
from services.query.ui.kept import Kept
from shared.domain.access.decision import NameFilter
from shared.domain.errors import TooManyRequests, Unavailable

MOST_NAMESPACES: Final = 200
"""Of so many it is told; what the others come to is in the sum."""
MOST_LARGEST: Final = 10
KEPT_SECONDS: Final = 10.0
"""Each count reads every row that the caller may see: 30 ms for 100,000 versions."""
OLD_SECONDS: Final = 60.0
MOST_KEPT: Final = 64
MOST_NAMES: Final = 500
"""Of a caller who may read single models, so many are counted."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace; that of models without one has no name."""

    name: str | None
    models: int
    versions: int
    size_bytes: int
    """Of versions that can be downloaded, or could be before objects went missing."""


@dataclass(frozen=True, slots=True)
class Namespaces:
    """What there is, by namespace and in all."""

    items: Sequence[Namespace] = ()
    """The first, by their names."""
    largest: Sequence[Namespace] = ()
    """Those that use most, of all."""
    models: int = 0
    versions: int = 0
    size_bytes: int = 0
    not_shown: int = 0
    trouble: str = ""
    """Why it cannot be told now."""


class Counts:
    """Counts, each kept for some seconds for whoever may see the same models."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._kept: LRUCache[NameFilter, Kept[Namespaces]] = LRUCache(MOST_KEPT)

    async def of(self, names: NameFilter, context: Context) -> Namespaces:
        """Return what there is of these names; where search cannot tell it now, why.

        It is at most a minute old, and ten seconds where somebody asks all the time.
        """
        kept = self._kept.get(names)
        if kept is None:
            kept = self._kept[names] = Kept(
                partial(_counted, names, context),
                fresh_seconds=KEPT_SECONDS,
                old_seconds=OLD_SECONDS,
                now=self._now,
                is_to_be_kept=lambda found: not found.trouble,
            )
        return await kept.told()


async def _counted(names: NameFilter, context: Context) -> Namespaces:
    try:
        return await read_told(context.search, lambda connection: count(connection, names))
    except (Unavailable, TooManyRequests, SearchTooCostly) as error:
        return Namespaces(trouble=error.detail)


def counts_of(request: Request) -> Counts:
    """Return what counts, of the process."""
    counts: Counts = request.state.namespaces
    return counts


def count(connection: sqlite3.Connection, names: NameFilter) -> Namespaces:
    """Return what there is of these names; raises sqlite3.Error."""
    visible = condition(names)
    registered = Sql("SELECT namespace, count(*) FROM models WHERE ") + visible
    sized = {
        name: (versions, size)
        for name, versions, size in _by_namespace(
            connection,
            Sql(
                "SELECT namespace, count(*),"
                " total(CASE WHEN state IN ('ready', 'missing') THEN size END)"
                " FROM versions WHERE "
            )
            + visible,
        )
    }
    found = [
        Namespace(name, models, *_whole(sized.get(name, (0, 0))))
        for name, models in _by_namespace(connection, registered)
    ]
    found.sort(key=lambda each: (each.name is not None, each.name or ""))
    return Namespaces(
        found[:MOST_NAMESPACES],
        largest=nlargest(MOST_LARGEST, found, key=lambda each: each.size_bytes),
        models=sum(each.models for each in found),
        versions=sum(each.versions for each in found),
        size_bytes=sum(each.size_bytes for each in found),
        not_shown=max(0, len(found) - MOST_NAMESPACES),
    )


def condition(names: NameFilter) -> Sql:
    """Return the condition that a row is of a model with one of these names."""
    if names.everything:
        return Sql("1")
    parts = [Sql("(model >= ? AND model < ?)", each) for each in names.ranges[:MOST_NAMES]]
    if names.names:
        parts.append(Sql("model IN ") + listed(sorted(names.names)[:MOST_NAMES]))
    return Sql("(") + joined(parts, " OR ") + ")" if parts else Sql("0")


def _by_namespace(connection: sqlite3.Connection, query: Sql) -> list[tuple[Any, ...]]:
    return (query + " GROUP BY namespace").rows(connection)


def _whole(told: tuple[int, float]) -> tuple[int, int]:
    return told[0], int(told[1])
