"""Downloads a version: stream, verify while streaming, resume, and rename when all is right."""

from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread
import httpx

from registry._api import Api
from registry._concurrent import map_concurrently
from registry._retry import RetryPolicy
from registry.errors import DigestMismatchError, StorageError, UnavailableError
from registry.schemas import Download, Downloads
from registry.transfer.digests import CHUNK_BYTES
from registry.transfer.download.placement import place
from registry.transfer.download.sinks import FileSink, Sink
from registry.transfer.progress import Meter, Progress
from registry.transfer.storage import Outcome, Storage, classify, lost


@dataclass(frozen=True, slots=True)
class Downloader:
    """What every download of a client uses."""

    api: Api
    storage: Storage
    retry: RetryPolicy
    concurrency: int

    async def download(
        self, model: str, version: str | int, to: Path, progress: Progress | None
    ) -> Path:
        """Download a version to a file or folder, and return where it lies."""
        found = await self.api.get_downloads(model, version)
        base, targets = await anyio.to_thread.run_sync(place, found.files, to)
        meter = Meter(sum(file.size_bytes for file in found.files), progress)
        limiter = anyio.CapacityLimiter(self.concurrency)

        async def one(item: tuple[Download, Path]) -> None:
            async with limiter:
                await self._to_file(found, item[0], item[1], meter)

        await map_concurrently(one, list(zip(found.files, targets, strict=True)))
        return base

    async def _to_file(self, of: Downloads, file: Download, target: Path, meter: Meter) -> None:
        sink = await anyio.to_thread.run_sync(FileSink, target, file)
        try:
            await self.fetch(of, file, sink, meter)
            await anyio.to_thread.run_sync(sink.commit)
        finally:
            sink.close()

    async def fetch(self, of: Downloads, file: Download, sink: Sink, meter: Meter) -> None:
        """Stream an artifact into a sink until it holds exactly the verified bytes.

        A partial file of an earlier run is kept if the digest comes out right with it; otherwise
        everything is fetched once more.
        """
        resumed = sink.size_bytes
        meter.add(resumed)
        await self._stream(of, file, sink, meter)
        if resumed and not sink.is_right():
            meter.add(-sink.size_bytes)
            await anyio.to_thread.run_sync(sink.restart)
            await self._stream(of, file, sink, meter)
        if not sink.is_right():
            await anyio.to_thread.run_sync(sink.restart)
            raise DigestMismatchError(
                f"{file.path} of {of.model} version {of.number}: the bytes that arrived are not"
                " the bytes that were verified"
            )

    async def _stream(self, of: Downloads, file: Download, sink: Sink, meter: Meter) -> None:
        failures, denied = 0, False
        while sink.size_bytes < file.size_bytes:
            before = sink.size_bytes
            outcome = await self._attempt(file, sink, meter)
            if outcome.kind == "done":
                return
            if sink.size_bytes > before:
                failures, denied = 0, False  # getting on: only failures in a row count
            if outcome.kind == "denied" and not denied:
                fresh = await self.api.get_downloads(of.model, of.number, file.path)
                file, denied = fresh.files[0], True
                continue
            if outcome.kind != "transient":
                raise StorageError(
                    f"cannot download {file.path}: {outcome.detail}",
                    status=outcome.status,
                    code=outcome.code,
                )
            failures += 1
            delay = self.retry.delay(failures, outcome.retry_after_seconds)
            if delay is None:
                raise UnavailableError(f"cannot download {file.path}: {outcome.detail}")
            await anyio.sleep(delay)

    async def _attempt(self, file: Download, sink: Sink, meter: Meter) -> Outcome:
        """Read from where the sink stands to the end, once."""
        first = sink.size_bytes
        try:
            async with self.storage.get(file.url, first) as response:
                if not response.is_success:
                    body = await response.aread()
                    return classify(response.status_code, body, response.headers.get("retry-after"))
                if first and response.status_code != 206:  # the range was ignored
                    meter.add(-first)
                    await anyio.to_thread.run_sync(sink.restart)
                async for chunk in response.aiter_raw(CHUNK_BYTES):
                    if sink.size_bytes + len(chunk) > file.size_bytes:
                        return Outcome("refused", detail="storage sent more bytes than it stated")
                    await anyio.to_thread.run_sync(sink.write, chunk)
                    meter.add(len(chunk))
        except httpx.TransportError as error:
            return lost(error)
        if sink.size_bytes < file.size_bytes:
            return Outcome("transient", detail="storage sent fewer bytes than it stated")
        return Outcome("done")
