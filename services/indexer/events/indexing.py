"""A batch of bucket events becomes verified versions: read, look in parallel, settle together."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from registry.schemas import SETTLED
from services.indexer.context import Context
from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.found.recording import record_found, settling_of
from services.indexer.found.stray_reports import report_stray
from services.indexer.verify.attested_parts import keep_attested_parts
from services.indexer.verify.inspection import inspect_object
from shared.database.deletion import purge_again
from shared.database.errors import DatabaseUnavailable
from shared.database.found_folders import retry_folders
from shared.database.lifecycle import settle
from shared.database.rules import read_effective_of
from shared.database.sessions import clean_again, clean_surplus
from shared.database.work import is_begun_by_no_verdict, retry_work
from shared.domain.deletion import is_purged
from shared.domain.object_keys import folder_of
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.domain.rules import Effective
from shared.domain.sessions import GIVEN_UP
from shared.domain.traces import logged
from shared.domain.transitions import Verdict
from shared.runtime.logs import get_logger
from shared.runtime.tasks import end
from shared.runtime.telemetry.attributes import version_attributes
from shared.runtime.telemetry.tracing import child_of

log = get_logger(__name__)

SETTLED_TOGETHER = 400
"""Verdicts of one transaction; while it runs, storage answers for those of the next."""
MOST_CHECKS_TRACED = 100
"""Files of one version whose looks have a span of their own in its trace."""

Place = tuple[VersionRecord, int]
"""A version, and the index of one of its artifacts."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """What written objects came to."""

    changed: list[VersionRecord]
    """Versions whose state changed, or on which work began anew."""
    folders: int = 0
    """Folders in which objects of no version were seen."""
    new_folders: int = 0
    """Those of them that nobody has seen before, and in which something is new."""

    @property
    def has_work(self) -> bool:
        """Whether workers have something to do next."""
        return self.folders > 0 or any(version.work for version in self.changed)


async def index_objects(
    written: Iterable[ObjectWritten], context: Context, *, retry: bool = True
) -> Indexed:
    """Record what the written objects mean.

    Repeats, in this batch or later, change nothing, so a batch can be given again after a storage
    or database error, which this raises. With `retry`, folders that were given up are tried again:
    an event that tells of them may be a dead letter that was replayed.
    """
    # 1. The newest event of each object version, in buckets that are ours.
    objects = [o for o in _newest(written) if await _is_ours(o, context)]
    # 2. What is known of them, in one query.
    places = await _places([o.key for o in objects], context)
    # 3. Record or report the objects that nobody declared; what becomes of them takes longer.
    unknown = [o for o in objects if (o.bucket, o.key) not in places]
    seen, new = await record_found(unknown, context, retry=retry)
    if retry:
        await _retry_adoption(places.values(), context)
    # 4. Look at the declared ones, in parallel, and settle what is known of them meanwhile.
    declared = [(o, p) for o in objects if (p := places.get((o.bucket, o.key)))]
    rules = await read_effective_of(context.database, (v.model for _, (v, _) in declared))
    looking = [
        asyncio.create_task(_look_at(o, place, rules[place[0].model], context))
        for o, place in declared
    ]
    settled: list[VersionRecord] = []
    try:
        for start in range(0, len(looking), SETTLED_TOGETHER):
            verdicts = await asyncio.gather(*looking[start : start + SETTLED_TOGETHER])
            portion = await settle(context.database, [v for v in verdicts if v is not None])
            for record in portion:  # now: when the next one fails, a repetition finds no news here
                tell_settled(record, context)
            settled += portion
    finally:
        await end(*looking)  # those under way after an error
    await _measure(settled, declared, context)
    return Indexed(settled, len(seen.folders), len(new & seen.new))


def tell_settled(record: VersionRecord, context: Context) -> None:
    """Log and count a version's new state."""
    context.counts.version_settled(record)
    log.info(
        f"version {record.state}",
        model=record.model,
        version=record.number,
        version_id=record.id,
        reasons=[reason.code for reason in record.reasons],
        **logged(record.trace),
    )


async def _measure(
    settled: Sequence[VersionRecord],
    declared: Sequence[tuple[ObjectWritten, Place]],
    context: Context,
) -> None:
    """Measure how long ago the objects were stored of which the last one made a version ready."""
    ready = {record.id for record in settled if record.state == "ready"}
    stored: dict[str, datetime] = {}
    for written, (version, _) in declared:
        if version.id in ready and written.at is not None:
            stored[version.id] = max(written.at, stored.get(version.id, written.at))
    if not stored:
        return
    try:
        now = await context.database.now()
    except DatabaseUnavailable:
        return  # all is settled: a figure is no reason to repeat it
    for at in stored.values():
        # Clocks of two machines: the database's may be behind storage's.
        context.counts.version_ready(max(0.0, (now - at).total_seconds()))


def _newest(written: Iterable[ObjectWritten]) -> Sequence[ObjectWritten]:
    newest: dict[tuple[str, str, str | None], ObjectWritten] = {}
    for event in written:
        identity = (event.bucket, event.key, event.object_version)
        known = newest.get(identity)
        if known is None or known.order <= event.order:
            newest[identity] = event
    return list(newest.values())


async def _is_ours(written: ObjectWritten, context: Context) -> bool:
    if await context.groups.knows(written.bucket):
        return True
    log.info("bucket is no storage group", bucket=written.bucket, key=written.key)
    return False


async def _places(keys: Sequence[str], context: Context) -> dict[tuple[str, str], Place]:
    return {
        (version.storage_group, artifact.key): (version, index)
        for version in await context.versions.by_keys(keys)
        for index, artifact in enumerate(version.artifacts)
    }


async def _retry_adoption(places: Iterable[Place], context: Context) -> None:
    """Have folders tried again that were given up although their version was opened."""
    adopted = {
        (version.storage_group, folder_of(version.artifacts[index].key))
        for version, index in places
        if version.source == "object"
    }
    await retry_folders(context.database, adopted, settling_of(context.settings))


async def _look_at(
    written: ObjectWritten, place: Place, rules: Effective, context: Context
) -> Verdict | None:
    version, index = place
    artifact = version.artifacts[index]
    if version.failure is not None and version.state in SETTLED:
        await retry_work(context.database, version)  # a dead letter that was replayed
        return None
    if version.failure is not None and is_begun_by_no_verdict(version.failure, artifact):
        await retry_work(context.database, version)
    if is_purged(version):
        await _purge_late(written, version, artifact, context)
        return None
    if artifact.location is not None:
        if await clean_surplus(context.database, version.id):
            log.info("bytes came that are stored already", bucket=written.bucket, key=written.key)
        return None
    if _is_another(written, artifact):
        detail = "written again after it was verified; the verified object stays"
        await report_stray(written, "written_again", detail, context)
        return None
    if version.session is not None and version.session.state in GIVEN_UP:
        await _clean_late(written, version, context)
        return None
    if version.state == "rejected":
        await report_stray(written, "version_rejected", "its version is rejected", context)
        return None
    if artifact.state == "verified":
        return None  # a repeat
    if artifact.etag is not None and version.failure is None:
        return None  # in the hands of the full read; where that was given up, it is tried again
    # Of a folder of many files, the first ones tell how it went.
    with child_of(version.trace if index < MOST_CHECKS_TRACED else None, "check object") as span:
        if span is not None:
            span.set({**version_attributes(version), "registry.artifact": index})
        verdict = await inspect_object(version, index, written.object_version, rules, context)
        if verdict is None:
            log.warning("object is gone", bucket=written.bucket, key=written.key)
            return None
        await keep_attested_parts(verdict, written.bucket, context)
        if (trace := version.trace if span is None else span.trace) is not None:
            verdict = replace(verdict, trace=trace)
        return verdict


async def _clean_late(written: ObjectWritten, version: VersionRecord, context: Context) -> None:
    """Have an object removed that came under the key of an upload that was given up."""
    async with context.storage_slots:
        found = await context.storage.objects.head(
            written.bucket, written.key, written.object_version
        )
    if found is not None and await clean_again(context.database, version.id):
        log.info("bytes came after the upload ended", bucket=written.bucket, key=written.key)


async def _purge_late(
    written: ObjectWritten, version: VersionRecord, artifact: ArtifactRecord, context: Context
) -> None:
    """Have an object removed that came under a key of a version that was purged."""
    if artifact.references and not _is_another(written, artifact):
        return  # it stays for those that refer to it
    async with context.storage_slots:
        found = await context.storage.objects.head(
            written.bucket, written.key, written.object_version
        )
    if found is not None and await purge_again(context.database, version.id):
        log.info("bytes came after the version was purged", bucket=written.bucket, key=written.key)


def _is_another(written: ObjectWritten, artifact: ArtifactRecord) -> bool:
    """Whether the event tells of a later object version than the verified one."""
    return (
        artifact.state == "verified"
        and written.object_version is not None
        and artifact.object_version is not None
        and written.object_version != artifact.object_version
    )
