"""The part digests that storage attested of a multipart object, kept for downloads."""

from collections.abc import Sequence

from services.indexer.context import Context
from shared.database.part_digests import keep_part_digests
from shared.domain.part_digests import PartDigests, spans_parts
from shared.domain.records import ArtifactRecord
from shared.domain.transitions import Verdict
from shared.runtime.logs import get_logger
from shared.storage.connection import StorageMissing, StorageRefused, StorageUnavailable
from shared.storage.object_parts import PartDigest

log = get_logger(__name__)


async def keep_attested_parts(verdict: Verdict, bucket: str, context: Context) -> None:
    """Keep the part digests of an artifact that storage attested part by part.

    Called before the version becomes ready, so that a ready one has them. Without them, where
    storage does not tell them, a download is still verified, by the composite digest. Raises
    the storage and database errors.
    """
    artifact = verdict.artifact
    if verdict.reason is not None or artifact.composite is None or not spans_parts(artifact):
        return
    async with context.storage_slots:
        parts = await attested_parts(bucket, artifact, context)
    if parts is not None:
        await keep_part_digests(context.database, verdict.version_id, {verdict.index: parts})


async def attested_parts(
    bucket: str, artifact: ArtifactRecord, context: Context
) -> PartDigests | None:
    """Ask storage for the digests of an object's parts; None where it does not tell them all.

    Raises StorageUnavailable.
    """
    try:
        found = await context.storage.objects.parts(bucket, artifact.key, artifact.object_version)
    except (StorageMissing, StorageRefused, StorageUnavailable) as error:
        if isinstance(error, StorageUnavailable):
            # Raises where storage is away. Where it answers, only this request fails, and would
            # fail each time that the event came again: a worker reads the object instead.
            await context.storage.buckets.exists(bucket)
        log.warning("part digests are not told", key=artifact.key, detail=str(error))
        return None
    parts = match_parts(artifact, found)
    if parts is None:
        log.error("part digests do not make the composite", bucket=bucket, key=artifact.key)
    return parts


def match_parts(artifact: ArtifactRecord, found: Sequence[PartDigest]) -> PartDigests | None:
    """Return the digests if these are the artifact's parts: of equal size, and its composite."""
    size = artifact.part_size_bytes
    stated = [part.sha256 for part in found if part.sha256 is not None]
    if not size or artifact.composite is None or len(stated) != len(found):
        return None
    starts = [part.start for part in found]
    if starts != list(range(0, artifact.size_bytes, size)):
        return None
    parts = PartDigests.of(size, stated)
    return parts if parts.composite() == artifact.composite.value else None
