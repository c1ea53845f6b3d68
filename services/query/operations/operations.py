"""The last comparison of buckets and records, the strays that it reports, and what was purged."""

from registry.schemas.operations import (
    Comparison,
    ComparisonState,
    PurgedVersion,
    PurgePage,
    StrayObject,
    StrayPage,
)
from services.query.context import Context
from shared.database.purges import purged_versions, waiting_purges
from shared.database.reports import COMPARISON, UNDER_WAY, find_place
from shared.database.strays import ReportedStray, list_strays
from shared.web.cursors import cut_page, decode_place, decode_text, encode_place, encode_text


async def last_comparison(context: Context) -> ComparisonState:
    """Return what the last comparison did, and whether one is under way."""
    kept = await find_place(context.database, COMPARISON)
    under_way = await find_place(context.database, UNDER_WAY)
    last = Comparison.model_validate(kept) if kept is not None else None
    return ComparisonState(last=last, is_under_way=under_way is not None)


async def strays(cursor: str | None, limit: int, context: Context) -> StrayPage:
    """Return a page of strays; raises InvalidRequest."""
    after = decode_text(cursor) if cursor else ""
    found = await list_strays(context.database, bucket=None, after=after, limit=limit + 1)
    page, more = cut_page(found, limit, lambda last: encode_text(last[0]))
    return StrayPage(items=[_told(each) for _, each in page], next_cursor=more)


async def purges(cursor: str | None, limit: int, context: Context) -> PurgePage:
    """Return a page of what was purged, the newest first; raises InvalidRequest."""
    before = decode_place(cursor) if cursor else None
    waiting = await waiting_purges(context.database)
    found = await purged_versions(context.database, before=before, limit=limit + 1)
    page, more = cut_page(found, limit, lambda last: encode_place(last.purged_at, last.id))
    items = [PurgedVersion.model_validate(each, from_attributes=True) for each in page]
    return PurgePage(waiting=waiting.count, due=waiting.due, items=items, next_cursor=more)


def _told(reported: ReportedStray) -> StrayObject:
    stray, reason = reported.stray, reported.reason
    return StrayObject(
        bucket=stray.bucket,
        key=stray.key,
        object_version=stray.object_version,
        size_bytes=stray.size_bytes,
        code=reason.code,
        detail=reason.detail,
        first_seen_at=reported.first_seen_at,
        last_seen_at=reported.last_seen_at,
        quarantined_at=reported.quarantined_at,
    )
