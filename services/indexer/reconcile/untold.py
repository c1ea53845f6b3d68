"""Objects that the records do not tell of: indexed as if their event had come just now."""

from collections.abc import Sequence

from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.events.indexing import index_objects
from services.indexer.reconcile.pace import Round
from shared.domain.errors import Unavailable
from shared.domain.object_keys import parse_key
from shared.storage.listing import ListedObject


async def index_untold(bucket: str, untold: Sequence[ListedObject], walk: Round) -> None:
    """Index the objects; what cannot be is told in the report, and the others go on without it.

    Raises Unavailable.
    """
    if walk.dry:
        await _foresee(bucket, untold, walk)
        return
    for _ in untold:
        await walk.pace.acquire()  # each of them is looked at
    written = [ObjectWritten(bucket, each.key, each.object_version) for each in untold]
    try:
        walk.report.indexed += len(await index_objects(written, walk.context))
    except Unavailable:
        raise
    except Exception:
        for each in written:
            with walk.telling(f"object {each.key!r} of {bucket!r}"):
                walk.report.indexed += len(await index_objects([each], walk.context))


async def _foresee(bucket: str, untold: Sequence[ListedObject], walk: Round) -> None:
    """Count what indexing would find, as far as the listing tells."""
    owners = {
        artifact.key: (version, artifact)
        for version in await walk.context.versions.by_keys([found.key for found in untold])
        if version.storage_group == bucket
        for artifact in version.artifacts
    }
    changed: set[str] = set()
    for found in untold:
        version, artifact = owners.get(found.key, (None, None))
        if version is None or artifact is None:
            if _is_under_rule(found):
                changed.add(found.key)
            else:
                walk.report.strays += 1
        elif version.state == "rejected" or artifact.state == "verified":
            is_stray = artifact.object_version not in (None, found.object_version)
            walk.report.strays += is_stray or version.state == "rejected"
        else:
            changed.add(version.id)
    walk.report.indexed += len(changed)


def _is_under_rule(found: ListedObject) -> bool:
    try:
        parse_key(found.key)
    except ValueError:
        return False
    return found.size_bytes > 0
