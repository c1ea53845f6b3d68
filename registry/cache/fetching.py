"""Fetches versions into the cache: one process downloads, others that want the same wait for it."""

import os
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from registry._api import Api
from registry._folders import remove_locked
from registry._locks import FolderInUseError, lock_folder
from registry._refs import Ref
from registry.cache.cache import Cache
from registry.cache.entries import Entry, entry_of
from registry.cache.layout import sha256_of, size_of
from registry.cache.store import Store
from registry.errors import CacheBusyError, ProtocolError
from registry.transfer.download.downloader import Downloader
from registry.transfer.download.placement import writing
from registry.transfer.download.plan import PlannedFile, PlannedVersion
from registry.transfer.progress import Progress

T = TypeVar("T")

LOOK_SECONDS = 0.5
"""Longest pause between two looks at whether another process has finished."""
PLACE_TRIES = 3
"""How often bytes that went away meanwhile are fetched again."""


@dataclass(frozen=True, slots=True)
class CacheFetcher:
    """What every fetch of a client uses."""

    api: Api
    downloader: Downloader
    cache: Cache

    async def fetch(
        self,
        ref: Ref,
        patterns: Sequence[str] | None,
        wait_seconds: float,
        progress: Progress | None,
    ) -> Path:
        """Return the folder of a version, whole and verified; this process uses it from then on.

        Raises what lookups and downloads raise, CacheFullError, and CacheBusyError.
        """
        version = await self.api.get_version(ref.model, ref.version)
        entry = entry_of(self.api.url, version, patterns, datetime.now(UTC))
        found = await _in_thread(partial(self.cache.begin, entry))
        if isinstance(found, Entry):
            found = await self._complete(found, wait_seconds, progress)
        await _in_thread(partial(self.cache.remember, self.api.url, ref, version))
        return found

    async def _complete(self, entry: Entry, wait_seconds: float, progress: Progress | None) -> Path:
        """Have an entry that is in use completed, by this process or by another one."""
        try:
            async with self._alone(entry, wait_seconds):
                found = await _in_thread(partial(self.cache.found, entry))
                return found or await self._download(entry, progress)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await _in_thread(partial(self.cache.release, entry.key))
            raise

    @asynccontextmanager
    async def _alone(self, entry: Entry, wait_seconds: float) -> AsyncGenerator[None]:
        """Be the only one who fetches an entry; its folder is removed once it is complete."""
        folder = self.cache.layout.incoming(entry.key)
        lock = await _lock(folder, entry.name, wait_seconds)
        is_done = False
        try:
            yield
            is_done = True
        finally:
            with anyio.CancelScope(shield=True):
                await _in_thread(partial(_leave, folder, lock, is_done=is_done))

    async def _download(self, entry: Entry, progress: Progress | None) -> Path:
        for _ in range(PLACE_TRIES):
            folder = self.cache.layout.incoming(entry.key) / "files"
            missing = await _in_thread(partial(_missing, self.cache, entry, folder))
            if missing:
                planned = await self.downloader.plan(entry.model, entry.number)
                chosen = _chosen(planned, entry, missing)
                with writing(folder):
                    await _in_thread(partial(folder.mkdir, parents=True, exist_ok=True))
                await self.downloader.fetch(chosen, folder, progress)
            entry = await _in_thread(partial(_known, entry, folder))
            arrived = {file.path: folder / file.path for file in entry.files}
            if not await _in_thread(partial(self.cache.place, entry, arrived)):
                return self.cache.folder / entry.folder
        raise CacheBusyError(f"files of {entry.name} went away while it was put together")


async def _lock(folder: Path, name: str, wait_seconds: float) -> int:
    """Lock the folder of a fetch; raises CacheBusyError once the wait is over."""
    deadline = anyio.current_time() + wait_seconds
    while True:
        try:
            with writing(folder):
                return await _in_thread(partial(lock_folder, folder))
        except FolderInUseError:
            if anyio.current_time() >= deadline:
                told = f"another process fetches {name} since {wait_seconds:.0f} s or more"
                raise CacheBusyError(told) from None
        left = max(0.0, deadline - anyio.current_time())
        await anyio.sleep(min(left, random.uniform(0.02, LOOK_SECONDS)))  # noqa: S311 - no secret


def _leave(folder: Path, lock: int, *, is_done: bool) -> None:
    """Let go of the folder of a fetch; what an interrupted one left stays for the next one."""
    if is_done:
        with writing(folder):
            remove_locked(folder, lock)
    else:
        os.close(lock)


def _missing(store: Store, entry: Entry, folder: Path) -> set[str]:
    """Return the files that have to be downloaded; one that an earlier run completed has not.

    Such a one is read, and removed where it is not what it should be or where nobody knows.
    """
    missing = set(store.missing(entry))
    for file in entry.files:
        arrived = folder / file.path
        if file.path not in missing or size_of(arrived) is None:
            continue
        if file.sha256 is not None and sha256_of(arrived) == file.sha256:
            missing.remove(file.path)
        else:
            arrived.unlink()
    return missing


def _known(entry: Entry, folder: Path) -> Entry:
    """Return the entry with the SHA-256 of files whose parts alone were known, and verified."""
    files = [
        file
        if file.sha256 is not None
        else file.model_copy(update={"sha256": sha256_of(folder / file.path)})
        for file in entry.files
    ]
    return entry.model_copy(update={"files": files})


def _chosen(planned: PlannedVersion, entry: Entry, missing: set[str]) -> PlannedVersion:
    """Return the plan for the files that are missing; raises ProtocolError for other files."""
    sizes = {file.path: file.size_bytes for file in entry.files}
    found: list[PlannedFile] = [file for file in planned.files if file.path in missing]
    if {file.path for file in found} != missing or any(
        file.size_bytes != sizes[file.path] for file in found
    ):
        raise ProtocolError(f"the registry's downloads are not the files of {entry.name}")
    return replace(planned, files=found)


async def _in_thread(function: Callable[[], T]) -> T:
    return await anyio.to_thread.run_sync(function)
