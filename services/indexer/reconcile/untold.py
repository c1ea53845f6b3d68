"""Objects that the records do not tell of: indexed as if their event had come just now."""

from collections.abc import Sequence

from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.events.indexing import index_objects
from services.indexer.found.recording import look_up
from services.indexer.reconcile.pace import Round
from shared.database.found_folders import known_folders
from shared.domain.records import VersionRecord
from shared.storage.listing import ListedObject


async def index_untold(bucket: str, untold: Sequence[ListedObject], walk: Round) -> None:
    """Index the objects; what cannot be is told in the report, and the others go on without it.

    Raises Unavailable where a server is away.
    """
    if walk.dry:
        await _foresee(bucket, untold, walk)
        return
    for _ in untold:
        await walk.pace.acquire()  # each of them is looked at, now or by a worker
    written = _written(bucket, untold)
    try:
        await _index(written, walk)
    except Exception as error:
        await walk.heed_outage(error)
        for each in written:
            async with walk.telling(f"object {each.key!r} of {bucket!r}"):
                await _index([each], walk)


async def _index(written: Sequence[ObjectWritten], walk: Round) -> None:
    # A folder that was given up stays so: it waits for an operator.
    indexed = await index_objects(written, walk.context, retry=False)
    walk.report.indexed += len(indexed.changed)
    walk.report.found += indexed.new_folders


async def _foresee(bucket: str, untold: Sequence[ListedObject], walk: Round) -> None:
    """Count what indexing would find, as far as the listing tells."""
    owners = await walk.context.versions.owners(bucket, [found.key for found in untold])
    changed: set[str] = set()
    unknown: list[ListedObject] = []
    for found in untold:
        version, artifact = owners.get(found.key, (None, None))
        if version is None or artifact is None:
            unknown.append(found)
        elif version.state == "rejected" or artifact.state == "verified":
            is_stray = artifact.object_version not in (None, found.object_version)
            walk.report.strays += is_stray or version.state == "rejected"
        elif not _is_over(version, walk):
            changed.add(version.id)
    walk.report.indexed += len(changed)
    await _foresee_found(_written(bucket, unknown), walk)


async def _foresee_found(written: Sequence[ObjectWritten], walk: Round) -> None:
    seen = await look_up(written, walk.context)
    waiting = await known_folders(walk.context.database, seen.new)
    walk.report.strays += len(seen.refused) + len(set(seen.known) - walk.foreseen)
    walk.report.found += len(seen.new - waiting - walk.foreseen)
    walk.foreseen = seen.new | set(seen.known)


def _written(bucket: str, listed: Sequence[ListedObject]) -> list[ObjectWritten]:
    return [
        ObjectWritten(bucket, each.key, each.object_version, size_bytes=each.size_bytes)
        for each in listed
    ]


def _is_over(version: VersionRecord, walk: Round) -> bool:
    """Whether the walk through uploads that are over has told of this one."""
    session = version.session
    if version.state != "pending" or session is None or session.state != "open":
        return False
    return session.expires_at <= walk.report.started_at
