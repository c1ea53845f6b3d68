"""Signed download URLs: the bytes go from storage to the user, with what to check them against."""

from collections.abc import Sequence

from registry.schemas import Artifact, Download, Downloads, Version
from services.query.context import Context
from shared.database.part_digests import read_part_digests
from shared.domain.errors import Conflict, NotFound
from shared.domain.part_digests import PartDigests
from shared.storage.signing import PresignedRequest
from shared.web.cursors import decode_numbers, encode_numbers, foreign_cursor

PAGE_FILES = 200
PAGE_PARTS = 4000
"""Part digests of one page: 280 kB as JSON."""

Chosen = Sequence[tuple[int, Artifact]]
"""Artifacts with their place in the version."""


async def sign_downloads(
    version: Version, path: str | None, cursor: str | None, context: Context
) -> Downloads:
    """Sign the artifacts of a ready version, or the one at `path`, page by page.

    Raises Conflict where the version is not ready, NotFound for an unknown path, InvalidRequest
    for a cursor that no page gave.
    """
    if version.state != "ready":
        raise Conflict(
            "version_not_ready",
            f"version {version.number} of model {version.model!r} is {version.state}",
            state=version.state,
        )
    chosen = [
        (index, artifact)
        for index, artifact in enumerate(version.artifacts)
        if path in (None, artifact.path)
    ]
    if not chosen:
        raise NotFound("file_not_found", f"the version has no file {path!r}")
    place, first_part = decode_numbers(cursor, 2) if cursor else (0, 1)
    if place >= len(chosen) or first_part < 1:
        raise foreign_cursor()
    return await _page(version, chosen, place, first_part, context)


async def _page(
    version: Version, chosen: Chosen, place: int, first_part: int, context: Context
) -> Downloads:
    """Sign from file `place` and its part `first_part` on, up to the bounds of a page."""
    within = chosen[place : place + PAGE_FILES]
    kept = await read_part_digests(context.database, version.id, [index for index, _ in within])
    files: list[Download] = []
    room = PAGE_PARTS
    next_cursor: str | None = None
    for at, (index, artifact) in enumerate(within, place):
        if room <= 0:
            next_cursor = encode_numbers(at, 1)
            break
        parts = kept.get(index)
        if parts is None or not parts.are_of(artifact):
            parts = _single_part(artifact)
        files.append(_sign(version.storage_group, artifact, parts, first_part, room, context))
        room -= len(files[-1].part_sha256)
        reached = first_part + len(files[-1].part_sha256)
        if parts is not None and reached <= len(parts):
            next_cursor = encode_numbers(at, reached)
            break
        first_part = 1
    if next_cursor is None and place + len(within) < len(chosen):
        next_cursor = encode_numbers(place + len(within), 1)
    return Downloads(
        model=version.model, number=version.number, files=files, next_cursor=next_cursor
    )


def sign_file(
    bucket: str, artifact: Artifact, ttl_seconds: int, context: Context
) -> PresignedRequest:
    """Sign the download of a file of a ready version."""
    return context.urls.get(
        bucket,
        artifact.location or artifact.key,
        object_version=artifact.object_version,
        ttl_seconds=ttl_seconds,
    )


def _single_part(artifact: Artifact) -> PartDigests | None:
    """Return the one part of a file whose verified SHA-256 is all that is kept."""
    if artifact.sha256 is None or artifact.sha256_state != "verified":
        return None
    return PartDigests(artifact.size_bytes, bytes.fromhex(artifact.sha256))


def _sign(
    bucket: str,
    artifact: Artifact,
    parts: PartDigests | None,
    first_part: int,
    room: int,
    context: Context,
) -> Download:
    request = sign_file(bucket, artifact, context.settings.download_url_ttl_seconds, context)
    return Download(
        path=artifact.path,
        url=request.url,
        expires_at=request.expires_at,
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        sha256_state=artifact.sha256_state,
        composite=artifact.composite,
        part_size_bytes=parts.part_size_bytes if parts else None,
        first_part=first_part,
        part_sha256=parts.hex(first_part, room) if parts else [],
    )
