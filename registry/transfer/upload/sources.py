"""What a user wants to upload, as files that can be read at any offset, again and again.

Everything here blocks: call it in a thread.
"""

import io
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from registry.errors import SourceChangedError, SourceError

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A path to a file or folder, bytes, or a binary stream (read from where it stands)."""

Fingerprint = tuple[int, int]
"""Size in bytes and modification time in nanoseconds: equal while nobody wrote to the file."""
DEFAULT_NAME = "model.bin"
"""Name of a file whose source has none."""


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


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a version, on this machine."""

    path: str
    """Where it will lie inside the version."""
    size_bytes: int
    open: Callable[[], AbstractContextManager[Reader]]
    """Opens the file for reading; raises SourceChangedError if it is no longer the one found."""
    check_unchanged: Callable[[], None]
    """Raises SourceChangedError if size or modification time differ from when it was found."""


@contextmanager
def open_source(source: Source, path: str | None) -> Generator[list[SourceFile]]:
    """Find the files of a source; a stream that cannot seek is copied to a temporary file.

    Blocking. Raises SourceError for what is missing, empty, or neither file nor folder.
    """
    if isinstance(source, (str, os.PathLike)):
        local = Path(source)
        if local.is_dir():
            yield _folder(local, path)
        else:
            yield [_local_file(local, path or local.name)]
    elif isinstance(source, (bytes, bytearray, memoryview)):
        view = memoryview(source).cast("B")
        reader = BytesReader(view)
        yield [_in_memory(path, len(view), lambda: nullcontext(reader), lambda: None)]
    elif _seekable(source):
        yield [_stream_file(path, source)]
        # The stream ends up where it began, so that the same call can be made again.
    else:
        with tempfile.TemporaryFile() as spooled:
            shutil.copyfileobj(source, spooled, 1 << 20)
            spooled.seek(0)
            yield [_stream_file(path, spooled)]


def _seekable(stream: BinaryIO) -> bool:
    if not hasattr(stream, "read") or isinstance(stream, io.TextIOBase):
        kind = type(stream).__name__
        raise SourceError(f"a path, bytes or a binary stream is needed, not {kind}")
    seekable = getattr(stream, "seekable", None)
    return bool(seekable and seekable())


def _folder(root: Path, prefix: str | None) -> list[SourceFile]:
    """Return every file below a folder, hidden ones too, in the order of their paths."""
    found = [
        _local_file(local, f"{prefix}/{relative}" if prefix else relative)
        for local, relative in walk_folder(root)
    ]
    if not found:
        raise SourceError(f"{root} has no file in it")
    return sorted(found, key=lambda file: file.path)


def walk_folder(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield what is no folder below a folder, and its path there, with slashes.

    Blocking. Raises SourceError where it cannot be read, and for a link that leads out of it.
    """
    return _walk(root, "", (root.resolve(),))


def _walk(folder: Path, prefix: str, above: tuple[Path, ...]) -> Iterator[tuple[Path, str]]:
    # A link is followed only to what lies inside the folder: the rest was not meant to be
    # published. `above` holds the real folders on the way here, to notice a loop.
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise SourceError(f"cannot read {folder}: {error.strerror}") from error
    for entry in entries:
        real = entry.resolve()
        if entry.is_symlink() and not real.is_relative_to(above[0]):
            raise SourceError(f"{entry} is a link that leads out of the folder")
        if not entry.is_dir():
            yield entry, prefix + entry.name
        elif real in above:
            raise SourceError(f"{entry} is a link that leads back to a folder above it")
        else:
            yield from _walk(entry, f"{prefix}{entry.name}/", (*above, real))


def _local_file(local: Path, path: str) -> SourceFile:
    try:
        found = local.stat()
    except OSError as error:
        raise SourceError(f"cannot read {local}: {error.strerror}") from error
    if not local.is_file():
        raise SourceError(f"{local} is neither a file nor a folder")
    if found.st_size == 0:
        raise SourceError(f"{local} is empty")
    before = _fingerprint(found)

    def check_unchanged() -> None:
        try:
            now = local.stat()
        except OSError as error:
            raise SourceChangedError(path) from error
        if _fingerprint(now) != before:
            raise SourceChangedError(path)

    @contextmanager
    def open_file() -> Generator[Reader]:
        try:
            stream = local.open("rb", buffering=0)
        except OSError as error:
            raise SourceError(f"cannot read {local}: {error.strerror}") from error
        with stream:
            if _fingerprint(os.fstat(stream.fileno())) != before:
                raise SourceChangedError(path)
            yield FileReader(stream.fileno()) if hasattr(os, "pread") else StreamReader(stream, 0)

    return SourceFile(path, found.st_size, open_file, check_unchanged)


def _fingerprint(found: os.stat_result) -> Fingerprint:
    return found.st_size, found.st_mtime_ns


def _stream_file(path: str | None, stream: BinaryIO) -> SourceFile:
    start = stream.tell()
    size = stream.seek(0, io.SEEK_END) - start
    stream.seek(start)
    reader = StreamReader(stream, start)

    def check_unchanged() -> None:
        if reader.size() != size:
            raise SourceChangedError(path or DEFAULT_NAME)

    return _in_memory(path, size, lambda: nullcontext(reader), check_unchanged)


def _in_memory(
    path: str | None,
    size: int,
    opened: Callable[[], AbstractContextManager[Reader]],
    check_unchanged: Callable[[], None],
) -> SourceFile:
    if size == 0:
        raise SourceError("there is nothing to upload: no bytes, or a stream at its end (seek(0)?)")
    return SourceFile(path or DEFAULT_NAME, size, opened, check_unchanged)
