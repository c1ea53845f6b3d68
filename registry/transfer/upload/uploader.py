"""Uploads a version: find its files, open or resume the upload, send, complete, wait."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Any

import anyio
import anyio.to_thread

from registry._api import Api
from registry._retry import RetryPolicy
from registry.errors import (
    ConflictError,
    RegistryError,
    SourceChangedError,
    SourceError,
    StorageError,
    UnavailableError,
    UploadIncompleteError,
)
from registry.schemas import UploadSession, Version
from registry.transfer.progress import Meter, Progress
from registry.transfer.storage import Storage
from registry.transfer.upload.handing_over import fitted, require_same_bytes, take_over
from registry.transfer.upload.hashing import hash_in_thread
from registry.transfer.upload.jobs import Jobs
from registry.transfer.upload.requests import (
    describe,
    describe_absent,
    hash_small,
    upload_request,
)
from registry.transfer.upload.sender import Sender
from registry.transfer.upload.session import OpenUpload, open_or_resume
from registry.transfer.upload.sources import Source, SourceFile, open_source
from registry.transfer.upload.verdict import require_ready, wait_until_settled

logger = logging.getLogger(__name__)


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
            files = await _opened(resources, source, path)
            sha256 = await hash_small(files)
            request = upload_request(describe(files, sha256), fields)
            by_path = {file.path: file for file in files}

            async def settle(session: UploadSession) -> Version:
                return await wait_until_settled(self.api, session.version_id, timeout_seconds)

            upload = await open_or_resume(
                self.api,
                request,
                by_path,
                idempotency_key=idempotency_key,
                settle=settle,
            )
            upload = await self._with_stored(upload, by_path, sha256)
            await self._send_if_open(upload, files, sha256, progress)
        return await self._found(upload.session, timeout_seconds if wait else None)

    async def declare(
        self,
        source: Source | Mapping[str, int],
        fields: Mapping[str, Any],
        *,
        path: str | None,
        idempotency_key: str | None,
    ) -> UploadSession:
        """Open an upload of a source, or of files that are elsewhere, and send nothing."""
        if isinstance(source, Mapping):
            files = describe_absent(source)
        else:
            with ExitStack() as resources:
                found = await _opened(resources, source, path)
                files = describe(found, await hash_small(found))
        request = upload_request(files, fields)
        return (await self.api.open_upload(request, idempotency_key or token_hex(16)))[0]

    async def continue_upload(
        self,
        upload_id: str,
        source: Source,
        *,
        path: str | None,
        progress: Progress | None,
        wait: bool,
        timeout_seconds: float,
    ) -> Version:
        """Send a source into an upload that is open, whoever opened it."""
        session = await self.api.get_upload(upload_id)
        with ExitStack() as resources:
            files = fitted(await _opened(resources, source, path), session, path)
            by_path = {file.path: file for file in files}
            sha256 = await hash_small(files)
            upload = await take_over(session, by_path, sha256)
            await self._send_if_open(upload, files, sha256, progress)
            version = await self._found(session, timeout_seconds if wait else None)
            await require_same_bytes(version, upload, by_path, sha256)
        return version

    async def _with_stored(
        self, upload: OpenUpload, files: Mapping[str, SourceFile], sha256: dict[str, str]
    ) -> OpenUpload:
        """Return the upload once files that may be stored already are hashed, and found if so.

        They are large, and nothing is hashed before it is sent but where the size is known.
        """
        found = [plan.path for plan in upload.session.files if plan.is_size_known]
        if not found:
            return upload
        for path in found:
            sha256[path] = await hash_in_thread(files[path])
        told = {path: sha256[path] for path in found}
        session = await self.api.reuse(upload.session.upload_id, told)
        return replace(upload, session=session)

    async def _found(self, session: UploadSession, timeout_seconds: float | None) -> Version:
        """Return the upload's version: once it is ready, or as it is where there is no timeout."""
        if timeout_seconds is None:
            return await self.api.get_version_by_id(session.version_id)
        settled = await wait_until_settled(self.api, session.version_id, timeout_seconds)
        return require_ready(settled)

    async def _send_if_open(
        self,
        upload: OpenUpload,
        files: Sequence[SourceFile],
        sha256: dict[str, str],
        progress: Progress | None,
    ) -> None:
        """Send and complete; return early where the version is rejected for what came so far.

        Its upload has ended then, and the verdict is told as any other.
        """
        if upload.session.state != "open":
            size = sum(file.size_bytes for file in files)
            Meter(size, progress).add(size)
            return
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


async def _opened(resources: ExitStack, source: Source, path: str | None) -> list[SourceFile]:
    opening = open_source(source, path)
    return await anyio.to_thread.run_sync(resources.enter_context, opening)


def _check_unchanged(files: Sequence[SourceFile]) -> None:
    for file in files:
        file.check_unchanged()
