"""Where the bytes of one file go, at the places that they belong to. All calls block."""

import io
from typing import Protocol

from registry.transfer.download.plan import Part, PlannedFile


class Sink(Protocol):
    """Holds the bytes of one file; several threads write and read it at different places."""

    def open(self) -> int:
        """Begin; returns how many bytes of a file of one part lie there from an earlier run."""
        ...

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Read from a place; returns 0 at the end."""
        ...

    def write(self, data: memoryview, offset: int) -> None:
        """Write at a place."""
        ...

    def keep(self, part: Part, digest: bytes) -> None:
        """Remember that a part lies there as it should be."""
        ...

    def forget(self) -> None:
        """Forget every byte."""
        ...

    def complete(self) -> None:
        """Every part lies there as it should be."""
        ...

    def close(self) -> None:
        """Let go of it; harmless after `complete`."""
        ...


class MemorySink:
    """Holds a file in memory: only for callers who ask for a buffer."""

    def __init__(self, file: PlannedFile) -> None:
        self.buffer = io.BytesIO()
        self._size_bytes = file.size_bytes

    def open(self) -> int:
        """Take the room for all of it, so that parts can be written in any order."""
        self.buffer.truncate(0)
        if self._size_bytes:
            self.buffer.seek(self._size_bytes - 1)
            self.buffer.write(b"\0")
        self.buffer.seek(0)
        return 0

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Read from a place; returns 0 at the end."""
        with self.buffer.getbuffer() as view:
            found = view[offset : offset + len(buffer)]
            buffer[: len(found)] = found
            return len(found)

    def write(self, data: memoryview, offset: int) -> None:
        """Write at a place."""
        with self.buffer.getbuffer() as view:
            view[offset : offset + len(data)] = data

    def keep(self, part: Part, digest: bytes) -> None:
        """Do nothing: nothing outlives the call."""

    def forget(self) -> None:
        """Do nothing: the bytes are written over."""

    def complete(self) -> None:
        """Do nothing: the buffer is whole."""

    def close(self) -> None:
        """Do nothing: the buffer belongs to the caller."""
