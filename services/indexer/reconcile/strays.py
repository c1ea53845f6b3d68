"""Objects of no version, past their time: left where they are, or put into quarantine."""

from datetime import timedelta

from services.indexer.reconcile.pace import Round
from shared.database.strays import Stray, count_strays, mark_quarantined, strays_before
from shared.domain.deletion import is_purged
from shared.runtime.logs import get_logger

log = get_logger(__name__)


async def handle_strays(walk: Round) -> None:
    """Count the strays, and hide those past their time where the policy says so.

    A delete marker hides an object and keeps its bytes: removing the marker brings it back, and it
    is left alone then. A bucket without versions would lose the object, so nothing is hidden there.
    """
    database, settings = walk.context.database, walk.context.settings
    # Only those that this walk met: others were removed, or belong to a version by now.
    seen_since = walk.report.started_at
    if not walk.dry:
        walk.report.strays += await count_strays(database, seen_since=seen_since)
    if settings.stray_policy == "report":
        return
    before = await database.now() - timedelta(seconds=settings.stray_age_seconds)
    seen = None if walk.dry else seen_since
    async for stray in strays_before(database, before, seen_since=seen):
        async with walk.telling(f"stray {stray.key!r} in {stray.bucket!r}"):
            if await _quarantine(stray, walk):
                walk.report.quarantined += 1
                if not walk.dry:
                    await mark_quarantined(database, stray)


async def _quarantine(stray: Stray, walk: Round) -> bool:
    """Hide one stray; False where it is not what the key shows, or belongs to a version by now."""
    bucket, key, version = stray.bucket, stray.key, stray.object_version
    await walk.pace.acquire()
    found = await walk.context.storage.objects.head(bucket, key)
    if version is None or found is None or found.object_version != version:
        return False
    if await _is_wanted(bucket, key, version, walk):
        return False
    if not walk.dry:
        await walk.pace.acquire()
        await walk.context.storage.objects.remove(bucket, key)
        log.warning("stray quarantined", bucket=bucket, key=key, object_version=version)
    return True


async def _is_wanted(bucket: str, key: str, object_version: str, walk: Round) -> bool:
    """Whether a version that is not rejected has this object, or may yet get it."""
    return any(
        owner.storage_group == bucket
        and owner.state != "rejected"
        and any(
            artifact.key == key
            and artifact.object_version in (None, object_version)
            and (artifact.references or not is_purged(owner))
            for artifact in owner.artifacts
        )
        for owner in await walk.context.versions.by_keys([key])
    )
