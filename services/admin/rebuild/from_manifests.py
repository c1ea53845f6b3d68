"""Versions restored from their manifests alone: as they were opened, to be verified again."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from pydantic import ValidationError

from services.admin.rebuild.event_log import EventLog
from services.admin.rebuild.overlay import reopened
from services.admin.rebuild.report import RebuildReport
from services.indexer.context import Context
from shared.database.recovery.versions import announce_version, known_numbers, restore_version
from shared.domain.errors import Conflict
from shared.domain.records import VersionRecord
from shared.runtime.tasks import run_all
from shared.storage.manifests import manifest_key, manifest_names, read_manifest


async def find_manifest(
    model: str, number: int, report: RebuildReport, context: Context
) -> VersionRecord | None:
    """Return a version as it was opened; None where there is no manifest that can be read."""
    try:
        return await read_manifest(model, number, context.storage, context.settings)
    except ValidationError as error:
        key = manifest_key(model, number)
        report.errors.add(f"manifest {key!r} cannot be read: {error.error_count()} errors")
        return None


async def highest_numbers(context: Context, report: RebuildReport) -> dict[str, int]:
    """Return the highest number of each model that has manifests; raises the storage errors."""
    bucket = context.settings.manifest_bucket
    highest: dict[str, int] = defaultdict(int)
    if not await context.storage.buckets.exists(bucket):
        report.errors.add(f"bucket {bucket!r} of the manifests is not there")
        return highest
    async for page in manifest_names(context.storage, context.settings):
        for model, number in page:
            highest[model] = max(highest[model], number)
    return highest


async def restore_from_manifests(
    log: EventLog, report: RebuildReport, context: Context
) -> set[str]:
    """Make a record of each manifest that has none; returns the buckets of these versions.

    Raises the storage and database errors.
    """
    buckets: set[str] = set()
    if not await context.storage.buckets.exists(context.settings.manifest_bucket):
        return buckets
    async for page in manifest_names(context.storage, context.settings):
        lacking = await _without_record(page, context)
        if report.dry_run:  # it has not restored what the events tell
            lacking = [name for name in lacking if name not in log.numbers]
        found = await run_all(_read(model, number, report, context) for model, number in lacking)
        records = [record for record in found if record is not None]
        buckets |= {record.storage_group for record in records}
        for record in sorted(records, key=lambda record: record.sequence):
            await _write(record, log, report, context)
    return buckets


async def _without_record(
    page: Sequence[tuple[str, int]], context: Context
) -> list[tuple[str, int]]:
    numbers: dict[str, list[int]] = defaultdict(list)
    for model, number in page:
        numbers[model].append(number)
    lacking: list[tuple[str, int]] = []
    for model, members in numbers.items():
        known = await known_numbers(context.database, model, members)
        lacking += [(model, number) for number in members if number not in known]
    return lacking


async def _read(
    model: str, number: int, report: RebuildReport, context: Context
) -> VersionRecord | None:
    async with context.storage_slots:
        return await find_manifest(model, number, report, context)


async def _write(
    manifest: VersionRecord, log: EventLog, report: RebuildReport, context: Context
) -> None:
    if report.dry_run:
        report.opened += 1
        return
    database = context.database
    ttl = timedelta(seconds=context.settings.upload_session_ttl_seconds)
    record = reopened(manifest, now=await database.now(), ttl=ttl)
    model = log.models.get(record.model)
    try:
        if record.sequence <= (model.sequence if model else 0):
            written = await restore_version(database, record, instead_of=None)
        else:
            # Its event was never published, or the topic is lost: nobody knows that number.
            written = await announce_version(database, record)
    except Conflict as conflict:
        report.conflicts.add(f"{conflict.detail}; {record.id} is another one")
    else:
        report.opened += written
