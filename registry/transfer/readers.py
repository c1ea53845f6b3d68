"""Bytes at an offset, from a file, a stream or memory. All calls block: use them in a thread."""

import io
import os
import threading
from dataclasses import dataclass
from typing import BinaryIO, Protocol


class Reader(Protocol):
    """Bytes at an offset; may be called from several threads at once."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only at the end."""
        ...


@dataclass(frozen=True, slots=True)
class BytesReader:
    """Reads what is in memory already."""

    view: memoryview

    def read_at(self, offset: int, length: int) -> bytes:
        """Return a copy of the bytes at an offset."""
        return bytes(self.view[offset : offset + length])


@dataclass(frozen=True, slots=True)
class FileReader:
    """Reads an open file without moving its position, so threads need no lock."""

    descriptor: int

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes at an offset."""
        return os.pread(self.descriptor, length, offset)


class StreamReader:
    """Reads a seekable stream, one thread at a time; the stream keeps its position."""

    def __init__(self, stream: BinaryIO | io.RawIOBase, start: int) -> None:
        self._stream, self._start, self._lock = stream, start, threading.Lock()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes at an offset from where the stream stood."""
        with self._lock:
            self._stream.seek(self._start + offset)
            try:
                return self._stream.read(length) or b""
            finally:
                self._stream.seek(self._start)

    def size(self) -> int:
        """Return the number of bytes from where the stream stood to its end."""
        with self._lock:
            end = self._stream.seek(0, io.SEEK_END)
            self._stream.seek(self._start)
            return end - self._start
