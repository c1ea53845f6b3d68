"""From the bucket to the records: objects whose event was lost, and objects of no version."""

from contextlib import aclosing

from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.events.indexing import index_objects
from services.indexer.reconcile.pace import Round
from shared.domain.object_keys import parse_key
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.storage.listing import ListedObject

Known = dict[str, tuple[VersionRecord, ArtifactRecord]]


async def walk_bucket(bucket: str, walk: Round) -> None:
    """Index what the bucket holds and the records do not tell, page by page."""
    async with aclosing(walk.context.storage.listing.pages(bucket)) as pages:
        async for page in pages:
            await walk.pace.acquire()
            walk.report.objects += len(page)
            known = await _known(bucket, page, walk)
            untold = [found for found in page if _is_untold(found, known)]
            if walk.dry:
                _foresee(untold, known, walk)
            else:
                await _index(bucket, untold, walk)


async def _index(bucket: str, untold: list[ListedObject], walk: Round) -> None:
    for _ in untold:
        await walk.pace.acquire()  # each of them is looked at
    written = [ObjectWritten(bucket, each.key, each.object_version) for each in untold]
    walk.report.indexed += len(await index_objects(written, walk.context))


def _foresee(untold: list[ListedObject], known: Known, walk: Round) -> None:
    """Count what `_index` would find, as far as the listing tells."""
    versions: set[str] = set()
    for found in untold:
        version, artifact = known.get(found.key, (None, None))
        if version is None or artifact is None:
            if _is_under_rule(found):
                versions.add(found.key)
            else:
                walk.report.strays += 1
        elif version.state == "rejected" or artifact.state == "verified":
            walk.report.strays += 1
        else:
            versions.add(version.id)
    walk.report.indexed += len(versions)


async def _known(bucket: str, page: list[ListedObject], walk: Round) -> Known:
    versions = await walk.context.versions.by_keys([found.key for found in page])
    return {
        artifact.key: (version, artifact)
        for version in versions
        if version.storage_group == bucket
        for artifact in version.artifacts
    }


def _is_untold(found: ListedObject, known: Known) -> bool:
    """Whether the records do not tell of this object as it is."""
    if found.key not in known:
        return True
    version, artifact = known[found.key]
    if version.state == "rejected":
        return version.work is None and version.failure is None  # else it is to be removed
    if artifact.state == "verified":
        return artifact.object_version not in (None, found.object_version)
    # With an etag it waits for its full read; given up, it waits for an operator.
    return artifact.etag is None


def _is_under_rule(found: ListedObject) -> bool:
    try:
        parse_key(found.key)
    except ValueError:
        return False
    return found.size_bytes > 0
