"""One comparison from beginning to end."""

from datetime import timedelta

from services.indexer.context import Context
from services.indexer.reconcile.bucket_walk import walk_bucket
from services.indexer.reconcile.open_uploads import abort_abandoned_uploads
from services.indexer.reconcile.pace import Round, pace_of
from services.indexer.reconcile.record_walk import walk_records
from services.indexer.reconcile.report import Report
from services.indexer.reconcile.strays import handle_strays
from shared.database.leases import run_under_lease
from shared.database.reports import keep_comparison, last_comparison_began
from shared.runtime.logs import get_logger

LEASE = "reconcile"
LEASE_SECONDS = 15.0

log = get_logger(__name__)


async def reconcile(context: Context, *, dry_run: bool = False) -> Report:
    """Compare buckets and records both ways, repair what differs, and keep the report.

    Waits while another process compares. Raises LeaseLost, the storage and the database errors;
    what was repaired until then stays.
    """

    async def work() -> Report:
        return await _round(context, dry_run=dry_run)

    return await run_under_lease(context.database, LEASE, work, seconds=LEASE_SECONDS)


async def reconcile_when_due(context: Context, interval: timedelta) -> Report | None:
    """Compare unless it was done within the interval, maybe by a process that was waited for."""

    async def work() -> Report | None:
        if await until_due(context, interval) > timedelta():
            return None
        return await _round(context, dry_run=False)

    return await run_under_lease(context.database, LEASE, work, seconds=LEASE_SECONDS)


async def until_due(context: Context, interval: timedelta) -> timedelta:
    """Return how long the next comparison has time, by when the last one began."""
    last = await last_comparison_began(context.database)
    if last is None:
        return timedelta()
    return max(last + interval - await context.database.now(), timedelta())


async def _round(context: Context, *, dry_run: bool) -> Report:
    report = Report(started_at=await context.database.now(), dry_run=dry_run)
    pace = pace_of(context.settings.reconcile_requests_per_second)
    await _compare(Round(context, report, pace))
    report.finished_at = await context.database.now()
    if not report.dry_run:
        await keep_comparison(context.database, report.model_dump())
    counts = report.model_dump(exclude={"started_at", "finished_at"})
    log.info("reconciled", repaired=report.repaired, **counts)
    return report


async def _compare(walk: Round) -> None:
    # The bucket first: an upload that is over may have all its bytes, and only lacks the event.
    buckets: set[str] = set()
    for bucket in await walk.context.groups.all():
        if await walk.context.storage.buckets.exists(bucket):
            buckets.add(bucket)
            await walk_bucket(bucket, walk)
            await abort_abandoned_uploads(bucket, walk)
        else:
            # Rather a wrong address than a thousand models that are gone at once.
            walk.report.errors.append(f"bucket {bucket!r} is not there")
    await walk_records(buckets, walk)
    await handle_strays(walk)
