"""The overview: the newest versions, those that were refused, and the health of the parts."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from registry.schemas import VersionSearchPage, VersionSummary
from services.query.context import Context
from services.query.search.health import health_of
from services.query.search.pages import Asked, search
from services.query.search.projection.reading import SearchTooCostly
from services.query.ui.line import Line, Part
from shared.domain.access.decision import NameFilter
from shared.domain.errors import TooManyRequests, Unavailable
from shared.web.readiness import absent_servers

NEWEST = 15
REJECTED = 10
FOLLOWED = ("version.*", "alias.*")
"""Events that change what is shown."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Versions, or why they cannot be listed now."""

    items: Sequence[VersionSummary] = ()
    trouble: str = ""


async def newest(names: NameFilter, context: Context, seen: Sequence[str] = ()) -> Listed:
    """Return the newest versions, whatever their state, once search has the events in `seen`."""
    return await _versions("", "created_at desc", NEWEST, names, context, seen)


async def rejected(names: NameFilter, context: Context, seen: Sequence[str] = ()) -> Listed:
    """Return the newest versions that were refused, each with its reasons; else as `newest`."""
    return await _versions("state = rejected", "created_at desc", REJECTED, names, context, seen)


async def _versions(
    text: str,
    order: str,
    limit: int,
    names: NameFilter,
    context: Context,
    seen: Sequence[str] = (),
) -> Listed:
    asked = Asked("versions", text, (order,), limit, None, with_count=False, seen=seen)
    try:
        found = await search(asked, names, context)
    except (Unavailable, TooManyRequests, SearchTooCostly) as error:
        return Listed(trouble=error.detail)  # the rest of the page is there without search
    return Listed(VersionSearchPage.model_validate_json(found).items)


async def health(line: Line, context: Context) -> list[Part]:
    """Return the parts of the line, in the order in which a version goes along it."""
    waits_for, services, searching = await asyncio.gather(
        absent_servers(context.database, None, context.settings.minio_bucket),
        line.told(),
        health_of(context.search),
    )
    streams = context.streams.health()
    lag = f"{searching['lag_seconds']:.1f} s behind the records"
    return [
        *services,
        Part("query", "lookups and downloads", waits_for),
        Part("search", "of query", searching["waits_for"], lag),
        Part("streams", "of query", streams["waits_for"], f"{streams['streams']} open"),
    ]
