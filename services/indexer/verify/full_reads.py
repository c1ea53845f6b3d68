"""Objects that workers take: nobody attested their bytes, their header is large, or the digest of
the whole is missing.

The caller holds the version's lease; what is found counts only while its token is still there.
"""

import asyncio
from collections.abc import Sequence

from registry.schemas import Reason
from services.indexer.context import Context
from services.indexer.events.indexing import tell_settled
from services.indexer.verify.inspection import validate
from shared.database.lifecycle import settle
from shared.database.part_digests import keep_part_digests, read_part_digests
from shared.database.rules import read_effective
from shared.database.work import confirm_digests
from shared.domain.blobs import referring
from shared.domain.part_digests import FileHasher, read_part_bytes, spans_parts
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.domain.rules import Effective
from shared.domain.transitions import Verdict
from shared.domain.version_rules import lacks
from shared.runtime.logs import get_logger
from shared.storage.connection import StorageUnavailable
from shared.storage.manifests import keep_commit_manifest

log = get_logger(__name__)


async def verify_version(version: VersionRecord, token: str, context: Context) -> None:
    """Read the objects that nobody attested, check formats, and settle the version.

    An object that storage attested waits for its format alone, and is not read whole. A found
    version that lacks what its model's rules require is not read at all. Raises the storage and
    database errors, and CheckProcessFailed.
    """
    await keep_commit_manifest(version, context.storage, context.settings)
    rules = await read_effective(context.database, version.model)
    waiting = [
        (index, artifact)
        for index, artifact in enumerate(version.artifacts)
        if artifact.state == "pending" and artifact.etag is not None
    ]
    verdicts = _lacking(version, waiting, rules, token) or [
        await validate(version, index, _verified(artifact), rules, context, token)
        if artifact.is_attested
        else await _verify(version, index, artifact, rules, token, context)
        for index, artifact in waiting
    ]
    verdicts += await _judge_sharing(version, verdicts, rules, token, context)
    for record in await settle(context.database, verdicts):
        tell_settled(record, context)


async def _judge_sharing(
    version: VersionRecord,
    verdicts: Sequence[Verdict],
    rules: Effective,
    token: str,
    context: Context,
) -> list[Verdict]:
    """Check the files that have the bytes of another one of the version, now that it is verified.

    They are the same bytes, and may be no sound file under another name.
    """
    places = {each.key: index for index, each in enumerate(version.artifacts)}
    verified = {i: each for i, each in enumerate(version.artifacts) if each.state == "verified"}
    verified |= {each.index: each.artifact for each in verdicts if each.reason is None}
    found: list[Verdict] = []
    for index, artifact in enumerate(version.artifacts):
        place = places.get(artifact.location or "", -1)
        if artifact.state != "pending" or artifact.etag is not None or place not in verified:
            continue
        kept = await read_part_digests(context.database, version.id, [place])
        if place in kept:
            await keep_part_digests(context.database, version.id, {index: kept[place]})
        same = referring(artifact, verified[place])
        found.append(await validate(version, index, same, rules, context, token))
    return found


def _lacking(
    version: VersionRecord,
    waiting: Sequence[tuple[int, ArtifactRecord]],
    rules: Effective,
    token: str,
) -> list[Verdict]:
    """Return a verdict for each thing that rules require and a found version lacks.

    Of an upload it was asked when that was opened, where its uploader could still say it.
    """
    if version.source != "object" or not waiting:
        return []
    index, artifact = waiting[0]
    return [Verdict(version.id, index, artifact, reason, token) for reason in lacks(rules, version)]


async def confirm_version(version: VersionRecord, token: str, context: Context) -> None:
    """Compute the digests that a ready version lacks: of whole files, and of their parts.

    Raises the storage and database errors.
    """
    fields = {"model": version.model, "version": version.number, "version_id": version.id}
    kept = await read_part_digests(context.database, version.id, range(len(version.artifacts)))
    digests: dict[int, str] = {}
    for index, artifact in enumerate(version.artifacts):
        parts = kept.get(index)
        lacks_parts = spans_parts(artifact) and (parts is None or not parts.are_of(artifact))
        if artifact.sha256_state == "verified" and not lacks_parts:
            continue
        digests[index] = await _confirm(version, index, artifact, context)
        if artifact.claimed_sha256 not in (None, digests[index]):
            log.error("claimed digest refuted", path=artifact.path, **fields)
    if await confirm_digests(context.database, version.id, token, digests):
        log.info("digests confirmed", files=len(digests), **fields)


async def _confirm(
    version: VersionRecord, index: int, artifact: ArtifactRecord, context: Context
) -> str:
    """Read a verified artifact whole and keep what its parts add up to; returns its SHA-256."""
    read = await _read_whole(version, artifact, context)
    sha256 = read.sha256()
    refuted = artifact.sha256_state == "verified" and sha256 != artifact.sha256
    if refuted or not read.parts().are_of(artifact):
        raise StorageUnavailable(f"other bytes came of {artifact.path!r} than were verified")
    await _keep_parts(version, index, artifact, read, context)
    return sha256


async def _keep_parts(
    version: VersionRecord,
    index: int,
    artifact: ArtifactRecord,
    read: FileHasher,
    context: Context,
) -> None:
    if spans_parts(artifact):
        await keep_part_digests(context.database, version.id, {index: read.parts()})


async def _read_whole(
    version: VersionRecord, artifact: ArtifactRecord, context: Context
) -> FileHasher:
    """Stream the exact object through the digests of the whole and of the parts."""
    hasher = FileHasher(read_part_bytes(artifact))
    async for chunk in context.storage.objects.stream(
        version.storage_group, artifact.stored_key, artifact.object_version
    ):
        await asyncio.to_thread(hasher.update, chunk)
    return hasher


async def _verify(
    version: VersionRecord,
    index: int,
    artifact: ArtifactRecord,
    rules: Effective,
    token: str,
    context: Context,
) -> Verdict:
    read = await _read_whole(version, artifact, context)
    found, size = read.sha256(), read.size_bytes
    expected = artifact.expected_sha256 or artifact.claimed_sha256
    reason: Reason | None = None
    if size != artifact.size_bytes:
        detail = f"storage gave {size} bytes of {artifact.size_bytes}"
        reason = Reason(code="size_mismatch", detail=detail, path=artifact.path)
    elif expected is not None and found != expected:
        detail = f"the bytes have SHA-256 {found}, {expected} was declared"
        reason = Reason(code="digest_mismatch", detail=detail, path=artifact.path)
    if reason is not None:
        return Verdict(version.id, index, artifact, reason, token)
    await _keep_parts(version, index, artifact, read, context)
    hashed = artifact.model_copy(update={"sha256": found, "sha256_state": "verified"})
    return await validate(version, index, _verified(hashed), rules, context, token)


def _verified(artifact: ArtifactRecord) -> ArtifactRecord:
    """Return what the artifact is if its format holds; a reason against it counts for more."""
    return artifact.model_copy(update={"state": "verified"})
