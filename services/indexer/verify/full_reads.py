"""Objects that are read whole: nobody attested their bytes, or the digest of the whole is missing.

The caller holds the version's lease; what is found counts only while its token is still there.
"""

import asyncio
import hashlib

from registry.schemas import Reason
from services.indexer.context import Context
from services.indexer.events.indexing import log_settled
from services.indexer.verify.inspection import checked
from shared.database.lifecycle import settle
from shared.database.work import confirm_digests
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.domain.transitions import Verdict
from shared.runtime.logs import get_logger

log = get_logger(__name__)


async def verify_version(version: VersionRecord, token: str, context: Context) -> None:
    """Read the objects that nobody attested, and settle the version.

    Raises the storage and database errors.
    """
    verdicts = [
        await _verify(version, index, artifact, token, context)
        for index, artifact in enumerate(version.artifacts)
        if artifact.state == "pending" and artifact.etag is not None
    ]
    for record in await settle(context.database, verdicts):
        log_settled(record)


async def confirm_version(version: VersionRecord, token: str, context: Context) -> None:
    """Compute the whole-file digests that a ready version lacks.

    Raises the storage and database errors.
    """
    fields = {"model": version.model, "version": version.number, "version_id": version.id}
    digests: dict[int, str] = {}
    for index, artifact in enumerate(version.artifacts):
        if artifact.sha256_state != "verified":
            digests[index], _ = await _hash(version, artifact, context)
            if artifact.claimed_sha256 not in (None, digests[index]):
                log.error("claimed digest refuted", path=artifact.path, **fields)
    if await confirm_digests(context.database, version.id, token, digests):
        log.info("digests confirmed", files=len(digests), **fields)


async def _hash(
    version: VersionRecord, artifact: ArtifactRecord, context: Context
) -> tuple[str, int]:
    """Stream the exact object; returns its SHA-256 in hex and its size in bytes."""
    digest = hashlib.sha256()
    size = 0
    async for chunk in context.storage.objects.stream(
        version.storage_group, artifact.key, artifact.object_version
    ):
        size += len(chunk)
        await asyncio.to_thread(digest.update, chunk)
    return digest.hexdigest(), size


async def _verify(
    version: VersionRecord, index: int, artifact: ArtifactRecord, token: str, context: Context
) -> Verdict:
    found, size = await _hash(version, artifact, context)
    expected = artifact.expected_sha256 or artifact.claimed_sha256
    reason: Reason | None = None
    if size != artifact.size_bytes:
        detail = f"storage gave {size} bytes of {artifact.size_bytes}"
        reason = Reason(code="size_mismatch", detail=detail, path=artifact.path)
    elif expected is not None and found != expected:
        detail = f"the bytes have SHA-256 {found}, {expected} was announced"
        reason = Reason(code="digest_mismatch", detail=detail, path=artifact.path)
    if reason is not None:
        return Verdict(version.id, index, artifact, reason, token)
    facts = {"sha256": found, "sha256_state": "verified", "state": "verified"}
    return await checked(version, index, artifact.model_copy(update=facts), context, token)
