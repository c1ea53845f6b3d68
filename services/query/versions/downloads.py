"""Signed download URLs: the bytes go from storage to the user, with what to check them against."""

from registry.schemas import Artifact, Download, Downloads, Version
from services.query.context import Context
from shared.domain.errors import Conflict, NotFound


def sign_downloads(version: Version, path: str | None, context: Context) -> Downloads:
    """Sign the artifacts of a ready version, or the one at `path`.

    Raises Conflict where the version is not ready, NotFound for an unknown path.
    """
    if version.state != "ready":
        raise Conflict(
            "version_not_ready",
            f"version {version.number} of model {version.model!r} is {version.state}",
            state=version.state,
        )
    chosen = [artifact for artifact in version.artifacts if path in (None, artifact.path)]
    if not chosen:
        raise NotFound("file_not_found", f"the version has no file {path!r}")
    return Downloads(
        model=version.model,
        number=version.number,
        files=[_sign(version.storage_group, artifact, context) for artifact in chosen],
    )


def _sign(bucket: str, artifact: Artifact, context: Context) -> Download:
    request = context.urls.get(
        bucket,
        artifact.key,
        object_version=artifact.object_version,
        ttl_seconds=context.settings.download_url_ttl_seconds,
    )
    return Download(
        path=artifact.path,
        url=request.url,
        expires_at=request.expires_at,
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        sha256_state=artifact.sha256_state,
        composite=artifact.composite,
    )
