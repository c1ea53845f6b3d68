"""The calls of the client that upload: a whole version, or one that somebody else opened."""

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from pydantic import JsonValue

from registry._api import Api
from registry._defaults import WAIT_SECONDS
from registry._plain_calls import PlainCalls
from registry._tracing import client_span
from registry.schemas import UploadSession, Version
from registry.transfer.progress import Progress
from registry.transfer.upload.sources import Source
from registry.transfer.upload.uploader import Uploader
from registry.transfer.upload.verdict import require_ready, wait_until_settled


class Description(TypedDict, total=False):
    """What there is to say about a version; without lineage at most 256 KiB as JSON together."""

    description: str
    framework: str
    metrics: Mapping[str, float]
    parameters: Mapping[str, JsonValue]
    tags: Mapping[str, str]
    properties: Mapping[str, JsonValue]
    lineage: Mapping[str, Any]
    """`parents`, `datasets`, `run`, `code`, as `add_lineage` takes them."""


class UploadCalls(PlainCalls):
    """Uploads versions, and waits for them."""

    def __init__(self, api: Api, uploader: Uploader) -> None:
        super().__init__(api)
        self._uploader = uploader

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
            **description: description, framework, metrics, parameters, tags, properties; lineage,
                with parents, datasets, run and code as `add_lineage` takes them.

        Raises:
            SourceError: the source is missing, empty or unreadable.
            SourceChangedError: a file changed meanwhile; the upload was aborted.
            InvalidRequestError: a name or the metadata break a rule.
            UploadMismatchError: the idempotency key was used for something else.
            VersionRejectedError: verification failed; its `reasons` say why.
            WaitTimeoutError: verification took longer than the timeout.
            UnavailableError: a service or storage stayed away; the upload can be continued.
        """
        with client_span("registry upload", {"registry.model": model}):
            return await self._uploader.upload(
                source,
                _fields(model, version, storage_group, client_id, description),
                path=path,
                idempotency_key=idempotency_key,
                progress=progress,
                wait=wait,
                timeout_seconds=timeout_seconds,
            )

    async def declare_upload(
        self,
        model: str,
        source: Source | Mapping[str, int],
        *,
        version: str | int | None = None,
        path: str | None = None,
        storage_group: str | None = None,
        client_id: str | None = None,
        idempotency_key: str | None = None,
        **description: Unpack[Description],
    ) -> UploadSession:
        """Open an upload and send nothing: its `upload_id` and `token` are handed to a job.

        The token is for this upload alone: `continue_upload` of a client that has no other sends
        the bytes, and waits for the version. The arguments are those of `upload`; `source` may
        also be the sizes in bytes of files that are elsewhere, by their paths. Without an
        idempotency key each call opens another upload.
        """
        return await self._uploader.declare(
            source,
            _fields(model, version, storage_group, client_id, description),
            path=path,
            idempotency_key=idempotency_key,
        )

    async def continue_upload(
        self,
        upload_id: str,
        source: Source,
        *,
        path: str | None = None,
        progress: Progress | None = None,
        wait: bool = True,
        timeout_seconds: float = WAIT_SECONDS,
    ) -> Version:
        """Send a source into an upload that somebody opened, and return its version.

        The same call again continues where an interrupted one stopped.

        Args:
            upload_id: the upload, which the client's token must be for.
            source: as `upload` takes it; a single file may have another name than was declared.
            path: name of the file inside the version, or the folder that a folder's files go in.
            progress: called with the bytes done and the bytes in all.
            wait: return only when the version is ready; False: as soon as the bytes are stored.
            timeout_seconds: longest wait for verification.

        Raises what `upload` raises; UploadMismatchError where the source is not what was declared,
        or where the version has other bytes, which another program sent before.
        """
        with client_span("registry continue upload", {}):
            return await self._uploader.continue_upload(
                upload_id,
                source,
                path=path,
                progress=progress,
                wait=wait,
                timeout_seconds=timeout_seconds,
            )

    async def wait_until_ready(
        self, version: Version | str, *, timeout_seconds: float = WAIT_SECONDS
    ) -> Version:
        """Wait for a version, given itself or by id, and return it once it is ready.

        Raises VersionRejectedError with the reasons, or WaitTimeoutError.
        """
        version_id = version if isinstance(version, str) else version.id
        return require_ready(await wait_until_settled(self._api, version_id, timeout_seconds))


def _fields(
    model: str,
    version: str | int | None,
    storage_group: str | None,
    client_id: str | None,
    description: Description,
) -> dict[str, Any]:
    """Return the fields of an upload request, all but its files."""
    return {
        **description,
        "model": model,
        "version": version,
        "storage_group": storage_group,
        "client_id": client_id,
    }
