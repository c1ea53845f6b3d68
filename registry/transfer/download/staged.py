"""One file of a download while it arrives, in the staging folder."""

import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path

from registry.transfer.download.journal import SYNC_BYTES, Journal, fdatasync
from registry.transfer.download.placement import writing
from registry.transfer.download.plan import Part, PlannedFile
from registry.transfer.download.positions import PositionedFile


class StagedFile:
    """Takes the parts of a file in any order, and keeps a journal of those that are verified.

    Each call raises DestinationError where the file system refuses it.
    """

    def __init__(
        self,
        file: PlannedFile,
        target: Path,
        folder: Path,
        journal: Journal,
        claims: Mapping[int, bytes],
    ) -> None:
        self.target, self.claims = target, claims
        self._id = file.content_id()
        self.path = folder / self._id
        """Where its bytes arrive."""
        self.is_complete = False
        self._file, self._journal = file, journal
        self._positions: PositionedFile | None = None
        self._syncing = threading.Lock()
        self._unsynced_bytes = 0

    def open(self) -> int:
        """Open what an earlier run left, or begin; returns the bytes of a file of one part.

        A file of several parts has its whole length from the beginning, so its length tells
        nothing: the journal does.
        """
        with writing(self.target):
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self._take_back()
            # Not truncated: what an earlier run left is checked and continued.
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            flags |= getattr(os, "O_NOFOLLOW", 0)
            positions = PositionedFile(os.open(self.path, flags, 0o666))
            self._positions = positions
            size = os.fstat(positions.descriptor).st_size
            if self._file.part_count > 1:
                if size != self._file.size_bytes:
                    os.ftruncate(positions.descriptor, self._file.size_bytes)
                return 0
            if size > self._file.size_bytes:
                os.ftruncate(positions.descriptor, 0)
                return 0
            return size

    def _take_back(self) -> None:
        """Stage a file again that an earlier run had placed before it was interrupted."""
        if len(self.claims) < self._file.part_count or self.path.exists():
            return
        try:
            found = self.target.lstat()
        except FileNotFoundError:
            return
        if stat.S_ISREG(found.st_mode) and found.st_size == self._file.size_bytes:
            self.target.replace(self.path)

    @property
    def _open(self) -> PositionedFile:
        if self._positions is None:
            raise RuntimeError(f"{self.target} is not open")
        return self._positions

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Read from a place; returns 0 at the end."""
        with writing(self.target):
            return self._open.read_into(buffer, offset)

    def write(self, data: memoryview, offset: int) -> None:
        """Write at a place."""
        with writing(self.target):
            self._open.write(data, offset)

    def keep(self, part: Part, digest: bytes) -> None:
        """Put a verified part down in the journal."""
        with writing(self.target):
            if self.claims.get(part.number) != digest:
                self._journal.append(self._id, part.number, digest)
            self._unsynced_bytes += part.size_bytes
            if self._unsynced_bytes >= SYNC_BYTES and self._syncing.acquire(blocking=False):
                try:
                    self._unsynced_bytes = 0
                    fdatasync(self._open.descriptor)
                    self._journal.sync()
                finally:
                    self._syncing.release()

    def forget(self) -> None:
        """Forget every byte."""
        with writing(self.target):
            os.ftruncate(self._open.descriptor, 0)
            if self._file.part_count > 1:
                os.ftruncate(self._open.descriptor, self._file.size_bytes)

    def complete(self) -> None:
        """Make its bytes durable and close it; it stays here until all files are complete."""
        try:
            with writing(self.target):
                os.fsync(self._open.descriptor)
        finally:
            self.close()
        self.is_complete = True

    def close(self) -> None:
        """Close it and leave it for another run."""
        positions, self._positions = self._positions, None
        if positions is not None:
            with writing(self.target):
                os.close(positions.descriptor)
