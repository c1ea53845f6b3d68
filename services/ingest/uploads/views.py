"""An upload session as its uploader sees it: the record joined with what storage has."""

import asyncio
from collections.abc import Set

from registry.schemas import FilePlan, SignedRequest, UploadedPart, UploadSession
from services.ingest.context import Context
from services.ingest.uploads.sessions import url_ttl_seconds
from shared.domain.access.uploads import upload_id
from shared.domain.blobs import is_unsent
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.domain.sessions import session_state
from shared.storage.connection import StorageMissing
from shared.storage.signing import PresignedRequest

_CONCURRENCY = 16


async def session_view(
    record: VersionRecord,
    context: Context,
    *,
    fresh: bool = False,
    token: str | None = None,
    known_sizes: Set[int] = frozenset(),
) -> UploadSession:
    """Return the session; `fresh` says that nothing can have been uploaded yet.

    Of files with one of the `known_sizes` it is told that they may be stored. `token` is one that
    was made for this answer, and is known to nobody else.
    """
    session = record.session
    assert session is not None  # noqa: S101 - only sessions are viewed
    state = session_state(record, await context.database.now())
    slots = asyncio.Semaphore(_CONCURRENCY)

    async def plan(artifact: ArtifactRecord) -> FilePlan:
        async with slots:
            plan = await _file_plan(record, artifact, context, fresh=fresh, is_open=state == "open")
        is_known = is_unsent(artifact) and not plan.uploaded and plan.size_bytes in known_sizes
        return plan.model_copy(update={"is_size_known": is_known})

    return UploadSession(
        upload_id=upload_id(record),
        token=token,
        model=record.model,
        number=record.number,
        label=record.label,
        version_id=record.id,
        state=state,
        version_state=record.state,
        storage_group=record.storage_group,
        expires_at=session.expires_at,
        files=list(await asyncio.gather(*(plan(artifact) for artifact in record.artifacts))),
    )


def signed(request: PresignedRequest) -> SignedRequest:
    """Return a presigned request as it travels."""
    return SignedRequest(
        method=request.method,
        url=request.url,
        headers=dict(request.headers),
        expires_at=request.expires_at,
    )


async def _file_plan(
    record: VersionRecord,
    artifact: ArtifactRecord,
    context: Context,
    *,
    fresh: bool,
    is_open: bool,
) -> FilePlan:
    uploaded = artifact.state == "verified" or (
        not fresh and await _is_there(record, artifact, context)
    )
    plan = FilePlan(
        path=artifact.path,
        key=artifact.key,
        size_bytes=artifact.size_bytes,
        kind="multipart" if artifact.kind == "multipart" else "put",
        uploaded=uploaded,
        part_size_bytes=artifact.part_size_bytes,
        part_count=artifact.part_count,
    )
    if uploaded or not is_open:
        return plan
    if artifact.kind == "multipart":
        return plan.model_copy(update={"parts": await _parts(record, artifact, context)})
    put = context.storage.urls.put(
        record.storage_group,
        artifact.key,
        size_bytes=artifact.size_bytes,
        sha256=artifact.expected_sha256,
        ttl_seconds=await url_ttl_seconds(record, context),
    )
    return plan.model_copy(update={"put": signed(put)})


async def _is_there(record: VersionRecord, artifact: ArtifactRecord, context: Context) -> bool:
    return await context.storage.listing.has(record.storage_group, artifact.key)


async def _parts(
    record: VersionRecord, artifact: ArtifactRecord, context: Context
) -> list[UploadedPart]:
    if artifact.multipart_id is None:
        return []
    try:
        parts = await context.storage.multipart.parts(
            record.storage_group, artifact.key, artifact.multipart_id
        )
    except StorageMissing:
        return []
    return [
        UploadedPart(number=part.number, size_bytes=part.size_bytes, sha256=part.sha256)
        for part in parts
    ]
