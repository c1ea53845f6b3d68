"""One comparison from beginning to end."""

from datetime import datetime, timedelta

from services.indexer.context import Context
from services.indexer.reconcile.buckets import present_buckets
from services.indexer.reconcile.expiry import expire_overdue, expire_staged
from services.indexer.reconcile.model_walk import walk_models
from services.indexer.reconcile.name_walk import walk_names
from services.indexer.reconcile.open_uploads import abort_abandoned_uploads
from services.indexer.reconcile.pace import Round, begin_round
from services.indexer.reconcile.report import Report
from services.indexer.reconcile.strays import handle_strays
from shared.database.leases import run_under_lease
from shared.database.reports import (
    UNDER_WAY,
    find_place,
    keep_comparison,
    last_comparison_began,
)
from shared.runtime.logs import get_logger

LEASE = "reconcile"
LEASE_SECONDS = 15.0

log = get_logger(__name__)


async def reconcile(context: Context, *, dry_run: bool = False) -> Report:
    """Compare buckets and records both ways, repair what differs, and keep the report.

    It begins anew, also where one was cut off. Waits while another process compares. Raises
    LeaseLost, the storage and the database errors; what was repaired until then stays.
    """

    async def work() -> Report:
        return await _round(context, dry_run=dry_run)

    return await run_under_lease(context.database, LEASE, work, seconds=LEASE_SECONDS)


async def reconcile_when_due(
    context: Context, interval: timedelta, *, since: datetime | None = None
) -> Report | None:
    """Compare unless it was done within the interval, maybe by a process that was waited for.

    With `since`, unless it was begun then or later. A comparison that was cut off goes on where it
    was.
    """

    async def work() -> Report | None:
        if await until_due(context, interval, since=since) > timedelta():
            return None
        return await _round(context, dry_run=False, resume=True)

    return await run_under_lease(context.database, LEASE, work, seconds=LEASE_SECONDS)


async def until_due(
    context: Context, interval: timedelta, *, since: datetime | None = None
) -> timedelta:
    """Return how long the next comparison has time, by when the last one began.

    One that was cut off is due at once, and so is the next one where the last began before `since`.
    """
    last = await last_comparison_began(context.database)
    if last is None or (since is not None and last < since):
        return timedelta()
    if await find_place(context.database, UNDER_WAY) is not None:
        return timedelta()
    return max(last + interval - await context.database.now(), timedelta())


async def _round(context: Context, *, dry_run: bool, resume: bool = False) -> Report:
    rate = context.settings.reconcile_requests_per_second
    walk = await begin_round(context, rate, UNDER_WAY, resume=resume, dry_run=dry_run)
    try:
        await _compare(walk)
    finally:
        walk.count_repairs()  # also of one that is cut off: what goes on after it finds them mended
    report = walk.report
    report.finished_at = await context.database.now()
    if not report.dry_run:
        await keep_comparison(context.database, report.model_dump())
    counts = report.model_dump(exclude={"started_at", "finished_at"})
    log.info("reconciled", repaired=report.repaired, **counts)
    return report


async def _compare(walk: Round) -> None:
    buckets = await present_buckets(walk)
    if "expiry" not in walk.place.done:  # else a bucket that is new waits for the next round
        await _walk_buckets(buckets, walk)
    if walk.begin("expiry"):
        await expire_overdue(buckets, walk)
        await expire_staged(buckets, walk)
        await walk.end("expiry")
    if walk.begin("models"):
        await walk_models(buckets, walk)
        await walk.end("models")
    await handle_strays(walk)


async def _walk_buckets(buckets: set[str], walk: Round) -> None:
    under_way = walk.place.bucket
    # The one under way first: beginning another would forget how far it has come.
    for bucket in sorted(buckets, key=lambda each: (each != under_way, each)):
        if walk.begin(f"names of {bucket}"):
            async with walk.telling(f"bucket {bucket!r}"):
                await walk_names(bucket, walk)
                await abort_abandoned_uploads(bucket, walk)
            await walk.end(f"names of {bucket}")


async def expire(context: Context) -> None:
    """End the uploads whose time is over. Raises the storage and database errors."""
    rate = context.settings.reconcile_requests_per_second
    walk = await begin_round(context, rate, "expiry")  # short: it never keeps a place
    buckets = await present_buckets(walk)
    try:
        await expire_overdue(buckets, walk)
        await expire_staged(buckets, walk)
    finally:
        walk.count_repairs()
