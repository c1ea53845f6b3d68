"""Uploads a version: find its files, open or resume the upload, send, complete, wait."""

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.to_thread
from pydantic import ValidationError

from registry._answers import invalid_request
from registry._api import LONGEST_WAIT_SECONDS, Api
from registry._retry import RetryPolicy
from registry.errors import (
    ConflictError,
    RegistryError,
    SourceChangedError,
    SourceError,
    StorageError,
    UnavailableError,
    UploadIncompleteError,
    VersionRejectedError,
    WaitTimeoutError,
)
from registry.schemas import SETTLED, UploadRequest, UploadSession, Version
from registry.transfer.progress import Meter, Progress
from registry.transfer.storage import Storage
from registry.transfer.upload.hashing import hash_in_thread
from registry.transfer.upload.jobs import Jobs
from registry.transfer.upload.plan import HASH_FIRST_BYTES
from registry.transfer.upload.sender import Sender
from registry.transfer.upload.session import OpenUpload, open_or_resume
from registry.transfer.upload.sources import Source, SourceFile, open_source

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Uploader:
    """What every upload of a client uses."""

    api: Api
    storage: Storage
    retry: RetryPolicy
    concurrency: int

    async def upload(
        self,
        source: Source,
        fields: Mapping[str, Any],
        *,
        path: str | None,
        idempotency_key: str | None,
        progress: Progress | None,
        wait: bool,
        timeout_seconds: float,
    ) -> Version:
        """Upload a source as one version; `fields` are those of UploadRequest without `files`.

        1 find the files; 2 hash the small ones; 3 open the upload, or find an earlier run's;
        4 send and complete; 5 wait for the verdict.
        """
        with ExitStack() as resources:
            files = await anyio.to_thread.run_sync(
                resources.enter_context, open_source(source, path)
            )
            sha256 = await _hash_small(files)
            request = _request(files, sha256, fields)

            async def settle(session: UploadSession) -> Version:
                return await wait_until_settled(self.api, session.version_id, timeout_seconds)

            upload = await open_or_resume(
                self.api,
                request,
                {file.path: file for file in files},
                idempotency_key=idempotency_key,
                settle=settle,
            )
            if upload.session.state == "completed":
                size = sum(file.size_bytes for file in files)
                Meter(size, progress).add(size)
            else:
                await self._send_unless_rejected(upload, files, sha256, progress)
        version_id = upload.session.version_id
        if not wait:
            return await self.api.get_version_by_id(version_id)
        return require_ready(await wait_until_settled(self.api, version_id, timeout_seconds))

    async def _send_unless_rejected(
        self,
        upload: OpenUpload,
        files: Sequence[SourceFile],
        sha256: dict[str, str],
        progress: Progress | None,
    ) -> None:
        """Send and complete; return early where the version is rejected for what came so far.

        Its upload has ended then, and the verdict is told as any other.
        """
        try:
            await self._send_and_complete(upload, files, sha256, progress)
        except ConflictError:
            session = await self.api.get_upload(upload.session.upload_id)
            if session.state != "rejected":
                raise
        except (UnavailableError, StorageError, SourceError) as error:
            if not isinstance(error, SourceChangedError):
                upload_id = upload.session.upload_id
                error.add_note(f"upload {upload_id} stays open: the same call continues it")
            raise

    async def _send_and_complete(
        self,
        upload: OpenUpload,
        files: Sequence[SourceFile],
        sha256: dict[str, str],
        progress: Progress | None,
    ) -> None:
        upload_id = upload.session.upload_id
        try:
            await self._send(upload, files, sha256, progress)
            await anyio.to_thread.run_sync(_check_unchanged, files)
        except SourceChangedError:
            # What was sent is a mixture of two files. Any other failure leaves the upload open.
            with suppress(RegistryError):
                await self.api.abort_upload(upload_id)
            raise
        try:
            await self.api.complete_upload(upload_id, sha256)
        except UploadIncompleteError as error:
            # Storage lost what it had confirmed; it is asked what it has, once.
            logger.warning("sending again what storage lost: %s", error)
            session = await self.api.get_upload(upload_id)
            await self._send(OpenUpload(session, upload.part_digests), files, sha256, None)
            await self.api.complete_upload(upload_id, sha256)

    async def _send(
        self,
        upload: OpenUpload,
        files: Sequence[SourceFile],
        sha256: dict[str, str],
        progress: Progress | None,
    ) -> None:
        plans = {plan.path: plan for plan in upload.session.files}
        meter = Meter(sum(file.size_bytes for file in files), progress)
        jobs = Jobs(self.api, upload.session.upload_id, sha256, upload.part_digests)
        sender = Sender(self.storage, retry=self.retry, concurrency=self.concurrency, meter=meter)
        await sender.send(jobs, [(file, plans[file.path]) for file in files])


def _request(
    files: Sequence[SourceFile], sha256: Mapping[str, str], fields: Mapping[str, Any]
) -> UploadRequest:
    described = [
        {"path": file.path, "size_bytes": file.size_bytes, "sha256": sha256.get(file.path)}
        for file in files
    ]
    try:
        return UploadRequest.model_validate({**fields, "files": described})
    except ValidationError as error:
        raise invalid_request(error) from None


async def _hash_small(files: Sequence[SourceFile]) -> dict[str, str]:
    """Return the digests that make a request distinctive before anything is sent."""
    small = [file for file in files if file.size_bytes <= HASH_FIRST_BYTES]
    return {file.path: await hash_in_thread(file) for file in small}


def _check_unchanged(files: Sequence[SourceFile]) -> None:
    for file in files:
        file.check_unchanged()


async def wait_until_settled(api: Api, version_id: str, timeout_seconds: float) -> Version:
    """Return the version once it has left `pending` and `verifying`.

    Raises WaitTimeoutError when that takes longer than the timeout.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        left = deadline - time.monotonic()
        version = await api.get_version_by_id(version_id, max(0.0, min(left, LONGEST_WAIT_SECONDS)))
        if version.state in SETTLED:
            return version
        if time.monotonic() >= deadline:
            raise WaitTimeoutError(
                f"{version.model} version {version.number} is still {version.state}"
                f" after {timeout_seconds:g} s"
            )
        await anyio.sleep(PAUSE_SECONDS)  # for a server that answers at once in spite of `wait`


def require_ready(version: Version) -> Version:
    """Return a ready version; raises VersionRejectedError for any other."""
    if version.state != "ready":
        raise VersionRejectedError(version)
    return version
