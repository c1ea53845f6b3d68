"""Signing parts of a multipart upload, in batches, as often as the uploader asks."""

from registry.schemas import SignedPart, SignedParts, SignPartsRequest
from services.ingest.context import Context
from services.ingest.uploads.plans import length_of_part
from services.ingest.uploads.sessions import read_again, require_open, url_ttl_seconds
from shared.domain.errors import Conflict, InvalidRequest, NotFound
from shared.domain.records import ArtifactRecord, VersionRecord


async def sign_parts(
    record: VersionRecord, request: SignPartsRequest, context: Context
) -> SignedParts:
    """Return one signed PUT for each part; the multipart upload is opened with the first.

    Raises NotFound for an unknown file, InvalidRequest for a part outside the plan,
    Conflict for a session that is not open, "version_rejected" among them.
    """
    await require_open(record, context)
    index, artifact = _multipart_file(record, request.path)
    count = artifact.part_count or 0
    for place, part in enumerate(request.parts):
        if part.number > count:
            raise InvalidRequest(f"parts.{place}.number", f"must be at most {count}")
    multipart_id = artifact.multipart_id or await _open(record, index, artifact, context)
    ttl_seconds = await url_ttl_seconds(record, context)
    urls = [
        context.storage.urls.part(
            record.storage_group,
            artifact.key,
            multipart_id=multipart_id,
            number=part.number,
            size_bytes=length_of_part(artifact, part.number),
            sha256=part.sha256,
            ttl_seconds=ttl_seconds,
        )
        for part in request.parts
    ]
    return SignedParts(
        parts=[
            SignedPart(
                number=part.number,
                size_bytes=length_of_part(artifact, part.number),
                method=url.method,
                url=url.url,
                headers=dict(url.headers),
                expires_at=url.expires_at,
            )
            for part, url in zip(request.parts, urls, strict=True)
        ]
    )


def _multipart_file(record: VersionRecord, path: str) -> tuple[int, ArtifactRecord]:
    for index, artifact in enumerate(record.artifacts):
        if artifact.path == path:
            if artifact.kind != "multipart":
                raise Conflict("not_multipart", f"{path!r} is sent by one PUT: it has no parts")
            return index, artifact
    raise NotFound("file_not_found", f"the session has no file {path!r}")


async def _open(
    record: VersionRecord, index: int, artifact: ArtifactRecord, context: Context
) -> str:
    bucket, multipart = record.storage_group, context.storage.multipart
    mine = await multipart.create(bucket, artifact.key)
    if await context.versions.set_multipart_id(record.id, index, mine):
        return mine
    # Another request opened it at the same moment: its parts are the ones that count.
    await multipart.abort(bucket, artifact.key, mine)
    current = await read_again(record, context)
    await require_open(current, context)
    return current.artifacts[index].multipart_id or ""
