"""Namespaces: what a caller's models and versions come to in each, from search's copy."""

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from fastapi import Request

from services.query.context import Context
from services.query.search.statements.sql import Sql, joined, listed
from shared.domain.access.decision import NameFilter
from shared.domain.errors import InvalidRequest, TooManyRequests, Unavailable

MOST_NAMESPACES: Final = 200
"""Of so many it is told; what the others come to is in the sum."""
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
    models: int = 0
    versions: int = 0
    size_bytes: int = 0
    not_shown: int = 0
    trouble: str = ""
    """Why it cannot be told now."""


@dataclass(slots=True)
class _Kept:
    """What was counted last, and when that began; and the count that is under way."""

    told: Namespaces | None = None
    told_at: float = 0.0
    counting: asyncio.Task[None] | None = None


class Counts:
    """Counts, each kept for some seconds for whoever may see the same models."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._kept: OrderedDict[NameFilter, _Kept] = OrderedDict()

    async def of(self, names: NameFilter, context: Context) -> Namespaces:
        """Return what there is of these names; where search cannot tell it now, why.

        It is at most a minute old, and ten seconds where somebody asks all the time: what is
        older than these is told once more, while it is counted anew.
        """
        kept = self._kept.setdefault(names, _Kept())
        self._kept.move_to_end(names)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        age = self._now() - kept.told_at
        if kept.told is None or kept.told.trouble or age > OLD_SECONDS:
            await asyncio.shield(self._counting(kept, names, context))
        elif age > KEPT_SECONDS:
            self._counting(kept, names, context)
        assert kept.told is not None  # noqa: S101 - it was counted
        return kept.told

    def _counting(self, kept: _Kept, names: NameFilter, context: Context) -> asyncio.Task[None]:
        if kept.counting is None or kept.counting.done():
            kept.counting = asyncio.create_task(self._count(kept, names, context))
        return kept.counting

    async def _count(self, kept: _Kept, names: NameFilter, context: Context) -> None:
        begun = self._now()
        kept.told = await _counted(names, context)
        kept.told_at = begun


async def _counted(names: NameFilter, context: Context) -> Namespaces:
    try:
        return await context.search.reader().read(lambda connection: count(connection, names))
    except sqlite3.Error as error:
        context.search.has_failed(error)
        return Namespaces(trouble="search's file cannot be read")
    except (Unavailable, TooManyRequests, InvalidRequest) as error:
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
        for name, versions, size in _rows(
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
        for name, models in _rows(connection, registered)
    ]
    found.sort(key=lambda each: (each.name is not None, each.name or ""))
    return Namespaces(
        found[:MOST_NAMESPACES],
        models=sum(each.models for each in found),
        versions=sum(each.versions for each in found),
        size_bytes=sum(each.size_bytes for each in found),
        not_shown=max(0, len(found) - MOST_NAMESPACES),
    )


def condition(names: NameFilter) -> Sql:
    """Return the condition that a row is of a model with one of these names."""
    if names.everything:
        return Sql("1")
    # Every name that begins with "risk." lies before "risk/": the slash follows the dot.
    parts = [
        Sql("(model >= ? AND model < ?)", (each, each[:-1] + "/"))
        for each in sorted(names.namespaces)[:MOST_NAMES]
    ]
    if names.names:
        parts.append(Sql("model IN ") + listed(sorted(names.names)[:MOST_NAMES]))
    return Sql("(") + joined(parts, " OR ") + ")" if parts else Sql("0")


def _rows(connection: sqlite3.Connection, query: Sql) -> list[tuple[Any, ...]]:
    statement = query + " GROUP BY namespace"
    return connection.execute(statement.text, statement.values).fetchall()


def _whole(told: tuple[int, float]) -> tuple[int, int]:
    return told[0], int(told[1])
