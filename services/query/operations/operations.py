"""The last comparison of buckets and records, and the strays that comparisons report."""

from registry.schemas.operations import Comparison, ComparisonState, StrayObject, StrayPage
from services.query.context import Context
from shared.database.reports import COMPARISON, UNDER_WAY, find_place
from shared.database.strays import ReportedStray, list_strays
from shared.web.cursors import cut_page, decode_text, encode_text


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
