"""The asynchronous client. `registry.client` has the same one for code without `async`.

Example:
    import asyncio
    from registry.aio import AsyncModelRegistryClient

    async def main() -> None:
        async with AsyncModelRegistryClient("http://localhost:8000") as client:
            version = await client.upload("churn", b"model bytes", path="churn.bin")
            await client.download("churn", version.number, to="churn.bin")

    asyncio.run(main())
"""

import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self, TypedDict, Unpack

import httpx
from pydantic import JsonValue

from registry._api import Api
from registry._credentials import find_credentials
from registry._defaults import DEFAULT_URL, DOWNLOADS_AT_ONCE, UPLOADS_AT_ONCE, WAIT_SECONDS
from registry._legacy import UploadedModel, find_artifact, metadata_dict, upload_fields
from registry._plain_calls import PlainCalls
from registry._retry import RetryPolicy
from registry.schemas import ModelMetadata, Version
from registry.transfer.download.connections import Connections
from registry.transfer.download.downloader import Downloader
from registry.transfer.download.fetcher import Fetcher
from registry.transfer.progress import Progress
from registry.transfer.storage import Storage
from registry.transfer.upload.sources import Source
from registry.transfer.upload.uploader import Uploader, require_ready, wait_until_settled


class Description(TypedDict, total=False):
    """What there is to say about a version; together at most 256 KiB as JSON."""

    description: str
    framework: str
    metrics: Mapping[str, float]
    parameters: Mapping[str, JsonValue]
    tags: Mapping[str, str]
    properties: Mapping[str, JsonValue]


class AsyncModelRegistryClient(PlainCalls):
    """Uploads, finds and downloads model versions, in one event loop.

    Args:
        url: address of either HTTP service; the rest is discovered.
        token: proves who asks; None: REGISTRY_TOKEN, or that of the registry's profile.
        origins: addresses beside `url` that the token may be sent to; those of the registry's
            profile and of REGISTRY_ORIGINS are added.
        timeout_seconds: longest wait for any single answer.
        concurrency: files or parts that travel at once; None: 4 of uploads, and 8 of downloads,
            which also wait for the disk.
        retry: how often and how patiently failed requests are sent again.
        transport: replaces the network for requests to services and for uploads, for tests;
            downloads read from the signed URLs themselves.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        origins: Iterable[str] = (),
        timeout_seconds: float = 60.0,
        concurrency: int | None = None,
        retry: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        retry = retry or RetryPolicy()
        uploads, downloads = concurrency or UPLOADS_AT_ONCE, concurrency or DOWNLOADS_AT_ONCE
        # Loading the certificates takes longer than anything else here, so both share them.
        certificates = httpx.create_ssl_context()
        api = Api(
            find_credentials(url, token, origins),
            timeout_seconds=timeout_seconds,
            retry=retry,
            transport=transport,
            certificates=certificates,
        )
        self._storage = Storage(
            timeout_seconds=timeout_seconds,
            concurrency=uploads,
            transport=transport,
            certificates=certificates,
        )
        self._uploader = Uploader(api, self._storage, retry, uploads)
        self._connections = Connections(certificates, read_seconds=timeout_seconds)
        self._downloader = Downloader(api, Fetcher(self._connections, retry, downloads))
        super().__init__(api)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; a second time does nothing."""
        self._connections.close()
        await self._storage.aclose()
        await self._api.aclose()

    async def upload(
        self,
        model: str,
        source: Source,
        *,
        version: str | int | None = None,
        path: str | None = None,
        storage_group: str | None = None,
        client_id: str | None = None,
        idempotency_key: str | None = None,
        progress: Progress | None = None,
        wait: bool = True,
        timeout_seconds: float = WAIT_SECONDS,
        **description: Unpack[Description],
    ) -> Version:
        """Upload a file, a folder, bytes or a binary stream as a new version of a model.

        The same call again, also on another machine, continues where an interrupted one stopped,
        and returns the same version once it is there.

        Args:
            model: registered model; made on its first upload.
            source: a path, a folder (one version of several files), bytes, or a binary stream,
                read from where it stands and put back there.
            version: a free number, or a label beside the next number; None: the next number.
            path: name of the file inside the version, or the folder that a folder's files go in.
            storage_group: bucket; the server's default when None.
            client_id: an identifier of your own that the version can be looked up by.
            idempotency_key: names this upload; derived from the request when None.
            progress: called with the bytes done and the bytes in all.
            wait: return only when the version is ready; False: as soon as the bytes are stored.
            timeout_seconds: longest wait for verification.
            **description: description, framework, metrics, parameters, tags, properties.

        Raises:
            SourceError: the source is missing, empty or unreadable.
            SourceChangedError: a file changed meanwhile; the upload was aborted.
            InvalidRequestError: a name or the metadata break a rule.
            UploadMismatchError: the idempotency key was used for something else.
            VersionRejectedError: verification failed; its `reasons` say why.
            WaitTimeoutError: verification took longer than the timeout.
            UnavailableError: a service or storage stayed away; the upload can be continued.
        """
        fields: dict[str, Any] = {
            **description,
            "model": model,
            "version": version,
            "storage_group": storage_group,
            "client_id": client_id,
        }
        return await self._uploader.upload(
            source,
            fields,
            path=path,
            idempotency_key=idempotency_key,
            progress=progress,
            wait=wait,
            timeout_seconds=timeout_seconds,
        )

    async def download(
        self,
        model: str,
        version: str | int = "latest",
        *,
        to: str | os.PathLike[str],
        progress: Progress | None = None,
    ) -> Path:
        """Download a version and return where it lies.

        A version of one file becomes the file `to` (or a file in it, if `to` is a folder); one of
        several becomes the folder `to`. Bytes are verified part by part while they arrive in a
        staging folder `.registry-download-...` beside the files. Files get their names when all
        of them are right; otherwise the next call continues, and fetches no verified part again.

        Raises:
            NotFoundError, VersionNotReadyError: there is nothing to download.
            DestinationError: `to` cannot be written, e.g. for lack of rights or of space, or the
                same download is at work there.
            DigestMismatchError: the bytes are not the ones that were verified.
            UnsafePathError: a file's path would lead out of `to`.
            UnavailableError: storage stayed away; what arrived is kept.
        """
        return await self._downloader.download(model, version, Path(to), progress)

    async def wait_until_ready(
        self, version: Version | str, *, timeout_seconds: float = WAIT_SECONDS
    ) -> Version:
        """Wait for a version, given itself or by id, and return it once it is ready.

        Raises VersionRejectedError with the reasons, or WaitTimeoutError.
        """
        version_id = version if isinstance(version, str) else version.id
        return require_ready(await wait_until_settled(self._api, version_id, timeout_seconds))

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
