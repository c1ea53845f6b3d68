"""The earlier registry's three calls, in terms of today's versions and artifacts."""

import io
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from registry._api import Api
from registry._defaults import WAIT_SECONDS
from registry._upload_calls import UploadCalls
from registry.errors import NotFoundError
from registry.schemas import Artifact, ModelMetadata, Version
from registry.transfer.download.downloader import Downloader
from registry.transfer.upload.uploader import Uploader


@dataclass(frozen=True, slots=True)
class UploadedModel:
    """What `upload_model` answers."""

    metadata_id: str
    """The version's id: give it to `get_metadata`."""
    version: Version


def upload_fields(metadata: ModelMetadata) -> dict[str, Any]:
    """Return the fields of an upload request that the metadata stands for."""
    return {
        **metadata.version_metadata().model_dump(),
        "model": metadata.name,
        "version": metadata.version,
        "storage_group": metadata.storage_group,
        "client_id": metadata.id,
    }


def metadata_dict(version: Version, artifact: Artifact | None = None) -> dict[str, Any]:
    """Return a version under the names that the earlier registry's users know.

    Fields that it let through come back at the top, as they were given.
    """
    chosen = artifact or version.artifacts[0]
    extension = PurePosixPath(chosen.path).suffix.lstrip(".")
    return {
        **version.properties,
        "_id": version.id,
        "id": version.client_id,
        "name": version.model,
        "version": version.label or str(version.number),
        "file_extension": extension,
        "storage_path": chosen.key,
        "storage_group": version.storage_group,
        "description": version.description,
        "framework": version.framework,
        "metrics": version.metrics,
        "parameters": version.parameters,
        "tags": version.tags,
        "properties": version.properties,
        "state": version.state,
        "number": version.number,
        "size_bytes": chosen.size_bytes,
        "sha256": chosen.sha256,
        "created_at": version.created_at,
    }


def find_artifact(version: Version, file_path: str | None, bucket_name: str | None) -> Artifact:
    """Return the artifact at a storage path; raises NotFoundError if the version has none there."""
    if bucket_name is None or bucket_name == version.storage_group:
        for artifact in version.artifacts:
            if file_path is None or file_path in (artifact.key, artifact.path):
                return artifact
    raise NotFoundError(
        f"version {version.id} has no file {file_path!r} in storage group {bucket_name!r}",
        code="artifact_not_found",
        status=404,
    )


class EarlierCalls(UploadCalls):
    """The calls that the earlier registry's users know."""

    def __init__(self, api: Api, uploader: Uploader, downloader: Downloader) -> None:
        super().__init__(api, uploader)
        self._downloader = downloader

    async def upload_model(
        self, buffer: BinaryIO | bytes, metadata: ModelMetadata
    ) -> UploadedModel:
        """Upload one model file as the earlier registry did, and return when it is ready.

        Raises VersionRejectedError with the reasons, and what `upload` raises.
        """
        version = await self._uploader.upload(
            buffer,
            upload_fields(metadata),
            path=metadata.file_name,
            idempotency_key=None,
            progress=None,
            wait=True,
            timeout_seconds=WAIT_SECONDS,
        )
        return UploadedModel(version.id, version)

    async def get_metadata(self, metadata_id: str) -> dict[str, Any]:
        """Return a version under the earlier registry's names, by its id or your own.

        `_id`, `storage_path` and `storage_group` are what `get_model` asks for.
        """
        return metadata_dict(await self._api.get_version_by_id(metadata_id))

    async def get_model(
        self, *, file_path: str, metadata_id: str, bucket_name: str | None = None
    ) -> tuple[io.BytesIO, dict[str, Any]]:
        """Return a model file and its metadata as the earlier registry did, verified.

        The whole file is in memory then, which is what a buffer means: use `download` for files
        that are large.
        """
        version = await self._api.get_version_by_id(metadata_id)
        artifact = find_artifact(version, file_path, bucket_name)
        buffer = await self._downloader.read(version.model, version.number, artifact.path)
        return buffer, metadata_dict(version, artifact)
