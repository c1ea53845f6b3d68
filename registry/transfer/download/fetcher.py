"""Fetches files by a number of threads that all downloads of a client share."""

import functools
from collections.abc import Awaitable, Callable, Iterator

import anyio
import anyio.from_thread
import anyio.to_thread

from registry._retry import RetryPolicy
from registry.errors import DigestMismatchError, StorageError, UnavailableError
from registry.transfer.download.abort import Abort, Aborted
from registry.transfer.download.connections import Connections
from registry.transfer.download.pieces import Piece, next_run
from registry.transfer.download.ranges import Fetched, fetch_run
from registry.transfer.download.transfers import FileTransfer
from registry.transfer.progress import Meter
from registry.transfer.storage import Outcome

REFETCHES = 3
"""How often a part whose digest is wrong is fetched again before the download fails."""
REPORT_BYTES = 1024**2
"""Progress is told to the event loop in steps of this many bytes."""

Renew = Callable[[str], Awaitable[str]]
"""Has the registry sign a new URL for the file at a path."""


class Fetcher:
    """Fetches the pieces of files, in any order, until each is verified in its place."""

    def __init__(self, connections: Connections, retry: RetryPolicy, concurrency: int) -> None:
        self._connections, self._retry, self._concurrency = connections, retry, concurrency
        self._threads = anyio.CapacityLimiter(concurrency)

    async def fetch(self, transfers: Iterator[FileTransfer], renew: Renew, meter: Meter) -> None:
        """Fetch files side by side, and complete each; the first error stops the others.

        Raises StorageError, UnavailableError, DigestMismatchError, and what the sinks raise.
        """
        queue, abort = _Queue(transfers, self._concurrency, renew), Abort()
        failed: list[Exception] = []
        working = self._concurrency

        async def watch() -> None:
            try:
                await anyio.sleep_forever()
            finally:
                abort.now()  # a thread that reads a socket does not notice being cancelled

        async def work() -> None:
            nonlocal working
            try:
                while (taken := queue.take()) is not None:
                    await self._fetch_run(queue, *taken, abort, meter)
            except Aborted:
                pass  # whoever aborted raises the reason
            except Exception as error:
                failed.append(error)
                group.cancel_scope.cancel()
            finally:
                working -= 1
            if not working:
                group.cancel_scope.cancel()

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(watch)
                for _ in range(self._concurrency):
                    group.start_soon(work)
        finally:
            queue.close()
        if failed:
            raise failed[0]

    async def _fetch_run(
        self, queue: "_Queue", transfer: FileTransfer, run: list[Piece], abort: Abort, meter: Meter
    ) -> None:
        failures, was_denied, before = 0, False, -1
        while run:
            url = transfer.url
            call = functools.partial(self._in_thread, transfer, run, abort, meter)
            outcome, wrong = await anyio.to_thread.run_sync(call, limiter=self._threads)
            done = sum(piece.done_bytes for piece in run)
            if done > before >= 0:
                failures, was_denied = 0, False  # getting on: only failures in a row count
            run = [piece for piece in run if not piece.is_verified]
            before = sum(piece.done_bytes for piece in run)
            if wrong is not None:
                _count_refetch(transfer, wrong)
            elif outcome.kind == "denied" and not was_denied:
                was_denied = True
                await queue.renew(transfer, url)
            elif outcome.kind == "transient":
                failures += 1
                delay = self._retry.delay(failures, outcome.retry_after_seconds)
                if delay is None:
                    raise UnavailableError(f"cannot download {transfer.name}: {outcome.detail}")
                await anyio.sleep(delay)
            elif outcome.kind != "done":
                raise StorageError(
                    f"cannot download {transfer.name}: {outcome.detail}",
                    status=outcome.status,
                    code=outcome.code,
                )

    def _in_thread(
        self, transfer: FileTransfer, run: list[Piece], abort: Abort, meter: Meter
    ) -> Fetched:
        """Do all that blocks for one request, in one visit to a thread."""
        report = _Report(meter)
        try:
            transfer.open(run, abort, report.add)
            missing = [piece for piece in run if not piece.is_verified]
            fetched = Fetched(Outcome("done"))
            if missing:
                fetched = fetch_run(self._connections, transfer, missing, abort, report.add)
            transfer.complete(report.add)
        finally:
            report.flush()
        return fetched


def _count_refetch(transfer: FileTransfer, wrong: Piece) -> None:
    wrong.refetches += 1
    if wrong.refetches > REFETCHES:
        raise DigestMismatchError(
            f"{transfer.name}: part {wrong.part.number} of {transfer.file.part_count}: the bytes"
            " that arrived are not the bytes that were verified"
        )


class _Queue:
    """Hands out runs of pieces, file after file. Used in the event loop alone."""

    def __init__(self, transfers: Iterator[FileTransfer], workers: int, renew: Renew) -> None:
        self._coming, self._workers, self._renew = transfers, workers, renew
        self._begun: list[FileTransfer] = []
        self._locks: dict[str, anyio.Lock] = {}

    def take(self) -> tuple[FileTransfer, list[Piece]] | None:
        """Return adjacent pieces that nobody has taken; None where none are left."""
        self._begun = [transfer for transfer in self._begun if not transfer.is_complete]
        for transfer in self._begun:
            if transfer.left:
                return transfer, next_run(transfer.left, self._workers)
        for transfer in self._coming:
            self._begun.append(transfer)
            return transfer, next_run(transfer.left, self._workers)
        return None

    async def renew(self, transfer: FileTransfer, refused: str) -> None:
        """Have another URL signed, once for all who were refused with this one."""
        async with self._locks.setdefault(transfer.file.path, anyio.Lock()):
            if transfer.url == refused:
                transfer.url = await self._renew(transfer.file.path)

    def close(self) -> None:
        """Let go of the files that were begun."""
        for transfer in self._begun:
            transfer.close()


class _Report:
    """Adds up what a thread received, and tells the event loop from time to time."""

    def __init__(self, meter: Meter) -> None:
        self._meter, self._bytes = meter, 0

    def add(self, size_bytes: int) -> None:
        self._bytes += size_bytes
        if abs(self._bytes) >= REPORT_BYTES:
            self.flush()

    def flush(self) -> None:
        size_bytes, self._bytes = self._bytes, 0
        if size_bytes and self._meter.is_watched:
            anyio.from_thread.run_sync(self._meter.add, size_bytes)
