"""What both clients stand on: connections, and the calls that map to one request each."""

from collections.abc import AsyncIterator, Mapping
from typing import Self

import httpx

from registry._api import Api
from registry._http import Services
from registry._retry import RetryPolicy
from registry.schemas import Discovery, Downloads, Model, UploadRequest, UploadSession, Version
from registry.transfer.download import Downloader
from registry.transfer.storage import Storage
from registry.transfer.upload import Uploader, require_ready, wait_until_settled

DEFAULT_URL = "http://localhost:8000"
WAIT_SECONDS = 600.0
"""How long a call waits for verification unless it is told otherwise."""
PAGE_ITEMS = 100


class Connected:
    """A connection to the registry, with its plain lookups and the steps of an upload."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        timeout_seconds: float = 60.0,
        concurrency: int = 4,
        retry: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        retry = retry or RetryPolicy()
        # Loading the certificates takes longer than anything else here: once is enough.
        certificates = httpx.create_ssl_context()
        self._services = Services(
            url,
            timeout_seconds=timeout_seconds,
            retry=retry,
            transport=transport,
            certificates=certificates,
        )
        self._storage = Storage(
            timeout_seconds=timeout_seconds,
            concurrency=concurrency,
            transport=transport,
            certificates=certificates,
        )
        self._api = Api(self._services)
        self._uploader = Uploader(self._api, self._storage, retry, concurrency)
        self._downloader = Downloader(self._api, self._storage, retry, concurrency)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; a second time does nothing."""
        await self._storage.aclose()
        await self._services.aclose()

    async def discover(self) -> Discovery:
        """Return the addresses of the services and of the event topic."""
        return await self._services.discover()

    async def get_model_info(self, model: str) -> Model:
        """Return a registered model; raises NotFoundError."""
        return await self._api.get_model(model)

    async def list_models(self) -> AsyncIterator[Model]:
        """Yield every registered model in order of name, fetched page by page."""
        cursor: str | None = None
        while True:
            page = await self._api.list_models(cursor, PAGE_ITEMS)
            for model in page.items:
                yield model
            if (cursor := page.next_cursor) is None:
                return

    async def list_versions(self, model: str) -> AsyncIterator[Version]:
        """Yield the versions of a model, newest first, fetched page by page."""
        cursor: str | None = None
        while True:
            page = await self._api.list_versions(model, cursor, PAGE_ITEMS)
            for version in page.items:
                yield version
            if (cursor := page.next_cursor) is None:
                return

    async def get_version(self, model: str, version: str | int = "latest") -> Version:
        """Return a version by number, label or "latest"; raises NotFoundError."""
        return await self._api.get_version(model, version)

    async def get_version_by_id(self, version_id: str) -> Version:
        """Return a version by its id or by the `client_id` it was uploaded with."""
        return await self._api.get_version_by_id(version_id)

    async def wait_until_ready(
        self, version: Version | str, *, timeout_seconds: float = WAIT_SECONDS
    ) -> Version:
        """Wait for a version, given itself or by id, and return it once it is ready.

        Raises VersionRejectedError with the reasons, or WaitTimeoutError.
        """
        version_id = version if isinstance(version, str) else version.id
        return require_ready(await wait_until_settled(self._api, version_id, timeout_seconds))

    async def get_downloads(
        self, model: str, version: str | int = "latest", *, path: str | None = None
    ) -> Downloads:
        """Return signed URLs for a ready version's files; raises VersionNotReadyError."""
        return await self._api.get_downloads(model, version, path)

    async def open_upload(self, request: UploadRequest, *, idempotency_key: str) -> UploadSession:
        """Open an upload by hand; the same key and request return the same upload."""
        return (await self._api.open_upload(request, idempotency_key))[0]

    async def get_upload(self, upload_id: str) -> UploadSession:
        """Return an upload as storage has it, with fresh URLs."""
        return await self._api.get_upload(upload_id)

    async def complete_upload(
        self, upload_id: str, *, sha256: Mapping[str, str] | None = None
    ) -> UploadSession:
        """Say that every byte has been sent; raises UploadIncompleteError, UploadAbortedError."""
        return await self._api.complete_upload(upload_id, sha256)

    async def abort_upload(self, upload_id: str) -> None:
        """Give an upload up; raises ConflictError once it is completed."""
        await self._api.abort_upload(upload_id)
