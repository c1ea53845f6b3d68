"""What there is in a cache's folder, and its lock. All calls block, for milliseconds."""

import contextlib
import os
import random
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from registry._locks import FolderInUseError, lock_folder
from registry.cache.entries import Entry, registry_key
from registry.cache.layout import Layout, size_of
from registry.cache.settings import cache_folder, cache_limit
from registry.errors import CacheBusyError
from registry.transfer.download.placement import writing

LOCK_SECONDS = 60.0
"""Longest wait for the cache's lock; who has it keeps it for milliseconds."""
LOCK_PAUSE_SECONDS = 0.02


class Documents:
    """The folder of a cache, shared by all processes of a user."""

    def __init__(
        self, folder: str | os.PathLike[str] | None = None, *, limit_bytes: int | None = None
    ) -> None:
        self.folder = Path(folder).expanduser() if folder is not None else cache_folder()
        self.folder = self.folder.absolute()
        self.limit_bytes = cache_limit() if limit_bytes is None else limit_bytes
        self.layout = Layout(self.folder)

    @contextmanager
    def locked(self) -> Generator[None]:
        """Have the cache to oneself; raises CacheBusyError, and DestinationError."""
        deadline = time.monotonic() + LOCK_SECONDS
        with writing(self.folder):
            while True:
                try:
                    lock = lock_folder(self.folder)
                    break
                except FolderInUseError:
                    if time.monotonic() > deadline:
                        told = f"{self.folder} was locked for {LOCK_SECONDS:.0f} s"
                        raise CacheBusyError(told) from None
                time.sleep(random.uniform(0, LOCK_PAUSE_SECONDS))  # noqa: S311 - no secret
            try:
                yield
            finally:
                os.close(lock)

    def complete(self, key: str) -> Entry | None:
        """Return an entry whose folder is there, whatever became of its files."""
        entry = self.read(self.layout.entry(key))
        if entry is None or entry.is_damaged or not (self.folder / entry.folder).is_dir():
            return None
        return entry

    def usable(self, key: str) -> Entry | None:
        """Return an entry whose files all have their size; one that lost bytes is damaged."""
        entry = self.complete(key)
        if entry is None:
            return None
        folder = self.folder / entry.folder
        is_whole = all(size_of(folder / file.path) == file.size_bytes for file in entry.files)
        return entry if is_whole else None

    def read(self, path: Path) -> Entry | None:
        """Return what a document says; None where there is none, or none that can be read."""
        try:
            return Entry.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def all(self) -> Iterator[tuple[Entry, float]]:
        """Yield every entry, and when somebody asked for it last, in seconds."""
        for path in self.layout.entries():
            entry = self.read(path)
            if entry is not None:
                with contextlib.suppress(FileNotFoundError):
                    yield entry, path.stat().st_mtime

    def drop(self, entry: Entry) -> None:
        """Remove an entry; bytes that others need stay."""
        # The folder first: what is killed in between leaves an entry that is fetched again.
        self.layout.discard(self.folder / entry.folder)
        self.layout.discard(self.layout.incoming(entry.key))
        self.layout.entry(entry.key).unlink(missing_ok=True)

    def blob(self, entry: Entry, sha256: str | None) -> Path:
        """Return the place of bytes of an entry."""
        if sha256 is None:
            raise RuntimeError(f"a digest of {entry.name} is not known yet")
        return self.layout.blob(registry_key(entry.registry), sha256)

    def has(self, entry: Entry, sha256: str | None, size_bytes: int) -> bool:
        """Return whether bytes of an entry are there."""
        return size_of(self.blob(entry, sha256)) == size_bytes
