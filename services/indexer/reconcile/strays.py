"""Objects of no version, past their time: left where they are, or put into quarantine."""

from datetime import timedelta
from typing import Any

from services.indexer.reconcile.pace import Round
from shared.runtime.logs import get_logger

log = get_logger(__name__)


async def handle_strays(walk: Round) -> None:
    """Count the strays, and hide those past their time where the policy says so.

    A delete marker hides an object and keeps its bytes: removing the marker brings it back, and it
    is left alone then. A bucket without versions would lose the object, so nothing is hidden there.
    """
    strays = walk.context.database.strays
    settings = walk.context.settings
    # Only those that this walk met: others were removed, or belong to a version by now.
    seen = {"last_seen_at": {"$gte": walk.report.started_at}}
    if not walk.dry:
        walk.report.strays += await strays.count_documents(seen)
    if settings.stray_policy == "report":
        return
    now = await walk.context.database.now()
    before = now - timedelta(seconds=settings.stray_age_seconds)
    due = {"quarantined_at": None, "first_seen_at": {"$lte": before}}
    async for stray in strays.find(due if walk.dry else {**due, **seen}):
        if await _quarantine(stray, walk):
            walk.report.quarantined += 1
            if not walk.dry:
                await strays.update_one({"_id": stray["_id"]}, {"$set": {"quarantined_at": now}})


async def _quarantine(stray: dict[str, Any], walk: Round) -> bool:
    """Hide one stray; False where it is not what the key shows, or belongs to a version by now."""
    bucket, key, version = stray["bucket"], stray["key"], stray["object_version"]
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
            artifact.key == key and artifact.object_version in (None, object_version)
            for artifact in owner.artifacts
        )
        for owner in await walk.context.versions.by_keys([key])
    )
