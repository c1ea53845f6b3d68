"""Records rebuilt from the event topic and the manifests, then compared with the bucket.

It may be cut off and run again, and runs beside live services: what is newer stays.
"""

from services.admin.left_work import ask_for_left_work
from services.admin.rebuild.event_log import EventLog
from services.admin.rebuild.event_source import log_events
from services.admin.rebuild.from_events import restore_from_events
from services.admin.rebuild.from_manifests import highest_numbers, restore_from_manifests
from services.admin.rebuild.report import RebuildReport
from services.indexer.context import Context
from services.indexer.reconcile.round import reconcile
from shared.database.indexes import build_indexes
from shared.database.models import raise_counters
from shared.database.recovery.aliases import restore_alias
from shared.database.recovery.edits import make_edits_again
from shared.database.recovery.handles import restore_handles
from shared.database.recovery.lineage import restore_edges
from shared.database.recovery.references import restore_references
from shared.database.recovery.versions import restore_model
from shared.kafka.topic_reader import TopicReader


async def rebuild(context: Context, *, reader: TopicReader, dry_run: bool = False) -> RebuildReport:
    """Rebuild what the database lacks, and report it; a dry run changes nothing.

    The topic is read twice, to where it ends at the start: once to check it and to learn each
    version's newest event, and once to restore the versions. Raises the Kafka, storage and
    database errors; what was restored until then stays.
    """
    report = RebuildReport(started_at=await context.database.now(), dry_run=dry_run)
    if not dry_run:
        await build_indexes(context.database)
        await context.groups.prepare()
    extent = await reader.extent(context.settings.kafka_model_events_topic)
    # 1. What the events tell together, and which numbers are taken.
    log = await log_events(reader, extent, report, context.settings.event_source)
    manifests = await highest_numbers(context, report)
    report.models = len(log.models.keys() | manifests.keys())
    # 2. The counters first: a live service must not give a number a second time.
    if not dry_run:
        await _raise_counters(log, manifests, context)
        await _remember_buckets(log.buckets, report, context)
    # 3. Every version that an event tells of, then those of which only the manifest is left.
    await restore_from_events(log, reader, extent, report, context)
    buckets = await restore_from_manifests(log, report, context)
    if not dry_run:
        await _remember_buckets(buckets - log.buckets, report, context)
        # 4. What follows from the versions.
        models = log.models.keys() | manifests.keys()
        for model in models:
            for conflict in await restore_handles(context.database, model):
                report.conflicts.add(conflict.detail)
            report.edges += await restore_edges(context.database, model)
            await restore_model(context.database, model)
        for model in models:  # who refers may be of any of them
            report.references += await restore_references(context.database, model)
        for model, alias in sorted(log.aliases):
            report.aliases += await restore_alias(context.database, model, alias)
        for place in log.edited:
            report.edited += await make_edits_again(context.database, place)
        report.asked_to_confirm = (await ask_for_left_work(context)).to_confirm
        # 5. The bucket has the last word.
        report.reconciled = await reconcile(context)
    report.finished_at = await context.database.now()
    return report


async def _raise_counters(log: EventLog, manifests: dict[str, int], context: Context) -> None:
    now = await context.database.now()
    for name in log.models.keys() | manifests.keys():
        model = log.models.get(name)
        await raise_counters(
            context.database,
            name,
            number=max(model.number if model else 0, manifests.get(name, 0)),
            sequence=model.sequence if model else 0,
            created_at=model.since if model else now,  # until the oldest version is known
        )


async def _remember_buckets(buckets: set[str], report: RebuildReport, context: Context) -> None:
    for bucket in sorted(buckets):
        if await context.storage.buckets.exists(bucket):
            await context.groups.provision(bucket)
        else:
            # Rather told than made anew: an empty one would make its versions missing.
            report.errors.add(f"bucket {bucket!r} is not there")
