"""Sends jobs to storage in parallel. Memory is bounded by the number of requests at once."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack, aclosing
from functools import partial

import anyio
import anyio.to_thread
from anyio.abc import ObjectReceiveStream, ObjectSendStream

from registry._concurrent import run_concurrently
from registry._retry import RetryPolicy
from registry.errors import (
    SourceChangedError,
    StorageError,
    UnavailableError,
    UploadAbortedError,
)
from registry.schemas import FilePlan, SignedRequest
from registry.transfer.digests import CHUNK_BYTES
from registry.transfer.progress import Meter
from registry.transfer.storage import Outcome, Storage
from registry.transfer.upload.hashing import hash_in_thread
from registry.transfer.upload.jobs import Job, Jobs
from registry.transfer.upload.plan import BATCH_PARTS, stored_bytes
from registry.transfer.upload.sources import SourceFile


class Sender:
    """A few workers that PUT what one producer hashes and signs ahead of them."""

    def __init__(
        self, storage: Storage, *, retry: RetryPolicy, concurrency: int, meter: Meter
    ) -> None:
        self._storage, self._retry = storage, retry
        self._concurrency, self._meter = concurrency, meter

    async def send(self, jobs: Jobs, files: Sequence[tuple[SourceFile, FilePlan]]) -> None:
        """Send what storage lacks of these files.

        Raises SourceChangedError, StorageError, UploadAbortedError, UnavailableError.
        """
        to_send, to_take = anyio.create_memory_object_stream[Job](BATCH_PARTS)
        workers = [partial(self._work, to_take.clone()) for _ in range(self._concurrency)]
        to_take.close()
        await run_concurrently([partial(self._produce, jobs, files, to_send), *workers])

    async def _produce(
        self,
        jobs: Jobs,
        files: Sequence[tuple[SourceFile, FilePlan]],
        to_send: ObjectSendStream[Job],
    ) -> None:
        async with to_send:
            for file, plan in files:
                self._meter.add(stored_bytes(plan))
                async for batch in jobs.of(file, plan):
                    for job in batch:
                        await to_send.send(job)

    async def _work(self, to_take: ObjectReceiveStream[Job]) -> None:
        async with to_take:
            async for job in to_take:
                await self._send_job(job)

    async def _send_job(self, job: Job) -> None:
        """Send a job until it is stored or beyond hope.

        A 403 may be an expired URL, so a fresh one is tried once. A 400 is a body that does not
        match its digest: a changed file, or else damage on the way that is worth another try.
        """
        signed, failures, denied = job.signed, 0, False
        while True:
            outcome = await self._attempt(job, signed)
            if outcome.kind == "done":
                return
            if outcome.kind == "denied" and not denied:
                signed, denied = await job.sign_again(), True
                continue
            if outcome.status == 400:
                await _raise_if_changed(job)
            elif outcome.kind != "transient":
                raise _refusal(job, outcome)
            failures += 1
            delay = self._retry.delay(failures, outcome.retry_after_seconds)
            if delay is None:
                raise UnavailableError(
                    f"cannot upload {job.file.path}: {outcome.detail}",
                    retry_after_seconds=outcome.retry_after_seconds,
                )
            await anyio.sleep(delay)
            denied = False

    async def _attempt(self, job: Job, signed: SignedRequest) -> Outcome:
        sent = 0

        def count(size_bytes: int) -> None:
            nonlocal sent
            sent += size_bytes
            self._meter.add(size_bytes)

        async with aclosing(_read(job, count)) as body:
            outcome = await self._storage.put(signed, body)
        # Storage may know the object already and not read it; a failed attempt counts for nothing.
        self._meter.add(job.part.size_bytes - sent if outcome.kind == "done" else -sent)
        return outcome


async def _read(job: Job, count: Callable[[int], None]) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a job in chunks, read in a thread."""
    offset, end = job.part.offset, job.part.offset + job.part.size_bytes
    with ExitStack() as opened:
        reader = await anyio.to_thread.run_sync(opened.enter_context, job.file.open())
        while offset < end:
            size = min(CHUNK_BYTES, end - offset)
            chunk = await anyio.to_thread.run_sync(reader.read_at, offset, size)
            if not chunk:
                raise SourceChangedError(job.file.path)
            offset += len(chunk)
            yield chunk
            count(len(chunk))


async def _raise_if_changed(job: Job) -> None:
    if await hash_in_thread(job.file, job.part.offset, job.part.size_bytes) != job.sha256:
        raise SourceChangedError(job.file.path)


def _refusal(job: Job, outcome: Outcome) -> Exception:
    if outcome.code == "NoSuchUpload":
        return UploadAbortedError(
            "storage no longer knows the upload", code="upload_aborted", status=409
        )
    return StorageError(
        f"cannot upload {job.file.path}: {outcome.detail}",
        status=outcome.status,
        code=outcome.code,
    )
