"""Objects are read whole here, under a lease, off the path of Kafka's messages.

A long hash would outlive the consumer's poll interval and lose the partition with it; so the
handler only records what is to be read, and these workers take it from the database: first the
versions that cannot be ready before (nobody attested their bytes), then the ready ones whose
multipart files still lack the digest of the whole.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from registry.schemas import Reason
from services.indexer.context import Context
from services.indexer.indexing import log_settled
from services.indexer.inspection import checked
from shared.database import (
    DatabaseError,
    claim_work,
    confirm_digests,
    renew_lease,
    settle,
)
from shared.errors import RegistryError
from shared.logs import get_logger
from shared.records import ArtifactRecord, VersionRecord, new_id
from shared.transitions import Verdict

LEASE = timedelta(seconds=60)
IDLE_SECONDS = 5.0
"""How often a worker looks for versions that others left behind."""

log = get_logger(__name__)


class FullReads:
    """Workers that read objects whole; `wake` tells them that there may be one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled; a version under way is then free when its lease ends."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._context.settings.verify_concurrency):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            try:
                busy = await verify_next(self._context) or await confirm_next(self._context)
            except (RegistryError, DatabaseError) as error:
                # Storage or database is away; the lease keeps others off until it ends.
                log.warning("full read failed", error=type(error).__name__, detail=str(error))
                busy = False
            if not busy:
                await self._idle()

    async def _idle(self) -> None:
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), IDLE_SECONDS)
        except TimeoutError:
            return


async def verify_next(context: Context) -> bool:
    """Claim one version in state "verifying", read and settle it; False when there was none.

    Raises the storage and database errors.
    """
    token = new_id()
    version = await claim_work(context.database, "verify", token, LEASE)
    if version is None:
        return False
    async with _held(version, token, context):
        verdicts = [
            await _verify(version, index, artifact, token, context)
            for index, artifact in enumerate(version.artifacts)
            if artifact.state == "pending" and artifact.etag is not None
        ]
        for record in await settle(context.database, verdicts):
            log_settled(record)
    return True


async def confirm_next(context: Context) -> bool:
    """Claim one ready version and compute the digests that it lacks; False when there was none.

    Raises the storage and database errors.
    """
    token = new_id()
    version = await claim_work(context.database, "confirm", token, LEASE)
    if version is None:
        return False
    fields = {"model": version.model, "version": version.number, "version_id": version.id}
    async with _held(version, token, context):
        digests: dict[int, str] = {}
        for index, artifact in enumerate(version.artifacts):
            if artifact.sha256_state != "verified":
                digests[index], _ = await _hash(version, artifact, context)
                if artifact.claimed_sha256 not in (None, digests[index]):
                    log.error("claimed digest refuted", path=artifact.path, **fields)
        if await confirm_digests(context.database, version.id, token, digests):
            log.info("digests confirmed", files=len(digests), **fields)
    return True


@asynccontextmanager
async def _held(version: VersionRecord, token: str, context: Context) -> AsyncGenerator[None]:
    """Renew the lease while the block runs."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            await renew_lease(context.database, version.id, token, LEASE)

    renewal = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewal.cancel()


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
