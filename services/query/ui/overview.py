"""The overview: the newest versions, those that were refused, and the health of the parts."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.schemas import VersionSearchPage, VersionSummary
from services.query.context import Context
from services.query.search.health import health_of
from services.query.search.pages import Asked, search
from shared.domain.access.decision import NameFilter
from shared.domain.errors import Unavailable

NEWEST = 15
REJECTED = 10


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the line, as this process sees it."""

    name: str
    waits_for: Sequence[str]
    figures: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """Versions, or why they cannot be listed now."""

    items: Sequence[VersionSummary] = ()
    trouble: str = ""


async def newest(names: NameFilter, context: Context) -> Listed:
    """Return the newest versions, whatever their state."""
    return await _versions("", "created_at desc", NEWEST, names, context)


async def rejected(names: NameFilter, context: Context) -> Listed:
    """Return the newest versions that were refused, each with its reasons."""
    return await _versions("state = rejected", "created_at desc", REJECTED, names, context)


async def _versions(
    text: str, order: str, limit: int, names: NameFilter, context: Context
) -> Listed:
    asked = Asked("versions", text, (order,), limit, None, with_count=False, seen=())
    try:
        found = await search(asked, names, context)
    except Unavailable as error:
        return Listed(trouble=error.detail)  # the rest of the page is there without search
    return Listed(VersionSearchPage.model_validate_json(found).items)


async def health(waits_for: Sequence[str], context: Context) -> list[Part]:
    """Return the parts of the line; `waits_for` is what lookups wait for."""
    searching = await health_of(context.search)
    streams = context.streams.health()
    lag = f"{searching['lag_seconds']:.1f} s behind the records"
    return [
        Part("lookups and downloads", waits_for),
        Part("search", searching["waits_for"], lag),
        Part("streams of events", streams["waits_for"], f"{streams['streams']} open"),
    ]
