"""Versions restored from their newest events."""

from datetime import timedelta

from registry.schemas import ModelEvent
from services.admin.rebuild.aliases import moves_of
from services.admin.rebuild.edits import edits_of
from services.admin.rebuild.event_log import EventLog
from services.admin.rebuild.event_source import OwnEvents, read_events
from services.admin.rebuild.from_manifests import find_manifest
from services.admin.rebuild.overlay import compare, opened_by, overlay
from services.admin.rebuild.proposals import proposals_of
from services.admin.rebuild.report import RebuildReport
from services.admin.rebuild.rules import rules_of
from services.indexer.context import Context
from shared.database.recovery.aliases import restore_moves
from shared.database.recovery.edits import restore_edits
from shared.database.recovery.proposals import restore_proposals
from shared.database.recovery.rules import restore_rules
from shared.database.recovery.versions import restore_version
from shared.domain.errors import Conflict
from shared.domain.object_keys import object_key
from shared.domain.records import VersionRecord
from shared.kafka.topic_reader import Extent, TopicReader
from shared.runtime.tasks import run_all
from shared.storage.listing import ListedObject


async def restore_from_events(
    log: EventLog, reader: TopicReader, extent: Extent, report: RebuildReport, context: Context
) -> None:
    """Compare each version's newest event with its record, and restore what is older.

    Raises the Kafka, storage and database errors.
    """
    source = context.settings.event_source
    async for records in reader.read(extent):
        told = read_events(records, None, source)
        if not report.dry_run:
            await _restore_beside(told, log, report, context)
        newest = [event for event in told.models if log.take(event)]
        known = await context.versions.by_ids(event.data.version_id for event in newest)
        await run_all(
            _restore(event, known.get(event.data.version_id), log, report, context)
            for event in newest
        )


async def _restore_beside(
    told: OwnEvents, log: EventLog, report: RebuildReport, context: Context
) -> None:
    """Restore what the events tell beside versions: moves of aliases, edits, proposals, rules."""
    events = told.models
    report.moves += await restore_moves(context.database, moves_of(events))
    report.edits += await restore_edits(context.database, edits_of(events))
    proposed = proposals_of(events, log.closings)
    report.proposals += await restore_proposals(context.database, proposed)
    rules = rules_of([*events, *told.namespaces])
    report.rules += await restore_rules(context.database, rules)


async def _restore(
    event: ModelEvent,
    record: VersionRecord | None,
    log: EventLog,
    report: RebuildReport,
    context: Context,
) -> None:
    outcome = compare(record, event, edited=log.edits.get(event.data.version_id, 0))
    if outcome == "confirmed":
        report.confirmed += 1
    elif outcome == "ahead":
        report.ahead += 1
    elif outcome == "differing":
        state = record.state if record else None
        report.differing.add(
            f"{event.subject}: {state}, event {event.sequence} says {event.data.state}"
        )
    else:
        async with context.storage_slots:
            await _write(event, record, report, context)


async def _write(
    event: ModelEvent, record: VersionRecord | None, report: RebuildReport, context: Context
) -> None:
    base = record or await _opened(event, report, context)
    if base is None:
        return
    ttl = timedelta(seconds=context.settings.upload_session_ttl_seconds)
    restored = overlay(base, event, now=await context.database.now(), ttl=ttl)
    if not report.dry_run:
        instead_of = record.sequence if record else None
        try:
            if not await restore_version(context.database, restored, instead_of=instead_of):
                report.ahead += 1  # a live service was faster
                return
        except Conflict as conflict:
            report.conflicts.add(f"{conflict.detail}; {event.data.version_id} is another one")
            return
    if record is None:
        report.rebuilt += 1
    else:
        report.updated += 1
    if event.data.state == "ready" and restored.state != "ready":
        report.unverified.add(event.subject)


async def _opened(
    event: ModelEvent, report: RebuildReport, context: Context
) -> VersionRecord | None:
    """Return the version as it was opened: by its manifest, or as far as the event tells."""
    data = event.data
    manifest = await find_manifest(data.model, data.number, report, context)
    if manifest is not None and manifest.id != data.version_id:
        report.conflicts.add(
            f"{event.subject}: its manifest is that of {manifest.id}, not of {data.version_id}"
        )
        return None
    if manifest is not None:
        return manifest
    objects = [] if data.artifacts else await _objects(event, context)
    opened = opened_by(event, objects)
    if opened is None:
        report.errors.add(f"{event.subject}: nothing tells which files it has")
    return opened


async def _objects(event: ModelEvent, context: Context) -> list[ListedObject]:
    bucket = event.data.storage_group
    if not await context.storage.buckets.exists(bucket):
        return []
    prefix = object_key(event.data.model, event.data.number, "")
    return [
        each async for page in context.storage.listing.pages(bucket, prefix=prefix) for each in page
    ]
