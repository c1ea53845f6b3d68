"""Downloads a version: plan, staging, parallel ranges, and every file to its place at the end."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread

from registry._api import Api
from registry.errors import ProtocolError
from registry.transfer.download.fetcher import Fetcher, Renew
from registry.transfer.download.placement import place
from registry.transfer.download.plan import PlannedVersion, PlanReader
from registry.transfer.download.routes import is_http_url
from registry.transfer.download.sinks import MemorySink
from registry.transfer.download.staging import Staging
from registry.transfer.download.transfers import FileTransfer
from registry.transfer.progress import Meter, Progress


@dataclass(frozen=True, slots=True)
class Downloader:
    """What every download of a client uses."""

    api: Api
    fetcher: Fetcher

    async def download(
        self,
        model: str,
        version: str | int,
        to: Path,
        progress: Progress | None,
        path: str | None = None,
    ) -> Path:
        """Download a version, or the file at `path`, and return where it lies."""
        return await self.fetch(await self.plan(model, version, path), to, progress)

    async def fetch(self, planned: PlannedVersion, to: Path, progress: Progress | None) -> Path:
        """Download the planned files to a file or folder, and return where they lie."""
        placement = await anyio.to_thread.run_sync(place, planned.files, to)
        staging = await anyio.to_thread.run_sync(Staging.begin, planned, placement)
        is_done = False
        try:
            transfers = (
                FileTransfer(file, _name(planned), staged, staged.claims)
                for file, staged in zip(planned.files, staging.files, strict=True)
            )
            meter = Meter(sum(file.size_bytes for file in planned.files), progress)
            await self.fetcher.fetch(transfers, self._renewing(planned), meter)
            await anyio.to_thread.run_sync(staging.place)
            is_done = True
        finally:
            await _shielded(lambda: staging.end(is_done=is_done))
        return placement.base

    async def read(self, model: str, version: int, path: str) -> io.BytesIO:
        """Return one file of a version in memory, verified."""
        planned = await self.plan(model, version, path)
        file = planned.files[0]
        sink = MemorySink(file)
        transfers = iter([FileTransfer(file, _name(planned), sink, {})])
        await self.fetcher.fetch(transfers, self._renewing(planned), Meter(file.size_bytes, None))
        sink.buffer.seek(0)
        return sink.buffer

    async def plan(self, model: str, version: str | int, path: str | None = None) -> PlannedVersion:
        """Read all pages; the first one decides which version `latest` is."""
        reader = PlanReader()
        page = await self.api.get_downloads(model, version, path)
        number = page.number
        reader.add(page)
        while page.next_cursor is not None:
            page = await self.api.get_downloads(model, number, path, page.next_cursor)
            reader.add(page)
        return PlannedVersion(page.model, number, reader.files())

    def _renewing(self, planned: PlannedVersion) -> Renew:
        async def renew(path: str) -> str:
            page = await self.api.get_downloads(planned.model, planned.number, path)
            if not page.files or not is_http_url(page.files[0].url):
                raise ProtocolError(f"{path}: the registry gave no URL that can be asked for")
            return page.files[0].url

        return renew


def _name(planned: PlannedVersion) -> str:
    return f"{planned.model} version {planned.number}"


async def _shielded(function: Callable[[], None]) -> None:
    """Run what blocks in a thread, also when the call was cancelled."""
    with anyio.CancelScope(shield=True):
        await anyio.to_thread.run_sync(function)
