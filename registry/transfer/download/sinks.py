"""Where downloaded bytes go, hashed as they arrive. All calls block: use them in a thread."""

import io
import os
from pathlib import Path
from typing import Protocol

from registry.errors import DigestMismatchError
from registry.schemas import Download
from registry.transfer.digests import CHUNK_BYTES, CompositeDigester, Digest, Sha256Digest
from registry.transfer.download.placement import writing


class Sink(Protocol):
    """Takes the bytes of one artifact in order."""

    @property
    def size_bytes(self) -> int:
        """How many bytes it holds."""
        ...

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        ...

    def restart(self) -> None:
        """Forget everything."""
        ...

    def is_right(self) -> bool:
        """Return whether it holds exactly the bytes that were verified."""
        ...


def expected(file: Download) -> tuple[Digest, str]:
    """Return an empty digest of the kind to check an artifact with, and what must come out.

    The strongest statement wins: a SHA-256 that the registry verified, then storage's composite,
    then a SHA-256 that only the uploader claimed.
    """
    if file.sha256 and (file.sha256_state == "verified" or file.composite is None):
        return Sha256Digest(), file.sha256
    if file.composite is not None:
        return CompositeDigester(file.composite.part_size_bytes), file.composite.value
    raise DigestMismatchError(f"{file.path}: there is no digest to check its bytes against")


class MemorySink:
    """Holds an artifact in memory: only for callers who ask for a buffer."""

    def __init__(self, file: Download) -> None:
        self._file, self.buffer = file, io.BytesIO()
        self._digest, self._wanted = expected(file)

    @property
    def size_bytes(self) -> int:
        """How many bytes it holds."""
        return self.buffer.tell()

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._digest.update(chunk)
        self.buffer.write(chunk)

    def restart(self) -> None:
        """Forget everything."""
        self.buffer.seek(0)
        self.buffer.truncate()
        self._digest, self._wanted = expected(self._file)

    def is_right(self) -> bool:
        """Return whether it holds exactly the bytes that were verified."""
        return self.size_bytes == self._file.size_bytes and self._digest.value() == self._wanted


class FileSink:
    """Fills `<target>.part`, which becomes the target only when it is right.

    Each call raises DestinationError where the file system refuses it.
    """

    def __init__(self, target: Path, file: Download) -> None:
        self._target, self._file = target, file
        self._partial = target.with_name(target.name + ".part")
        self._digest, self._wanted = expected(file)
        self._size = 0
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            # Not truncated: what an earlier run left is hashed and continued.
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            descriptor = os.open(self._partial, flags, 0o666)
            self._stream = os.fdopen(descriptor, "r+b", buffering=0)
            try:
                self._take_up()
            except BaseException:
                self._stream.close()
                raise

    def _take_up(self) -> None:
        while chunk := self._stream.read(CHUNK_BYTES):
            self._digest.update(chunk)
            self._size += len(chunk)
        if self._size > self._file.size_bytes:
            self.restart()

    @property
    def size_bytes(self) -> int:
        """How many bytes it holds."""
        return self._size

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._digest.update(chunk)
        view = memoryview(chunk)
        with writing(self._target):
            while len(view):
                view = view[self._stream.write(view) :]
        self._size += len(chunk)

    def restart(self) -> None:
        """Forget everything."""
        with writing(self._target):
            self._stream.seek(0)
            self._stream.truncate()
        self._size = 0
        self._digest, self._wanted = expected(self._file)

    def is_right(self) -> bool:
        """Return whether it holds exactly the bytes that were verified."""
        return self._size == self._file.size_bytes and self._digest.value() == self._wanted

    def commit(self) -> None:
        """Make the file durable and give it its name, in one step."""
        with writing(self._target):
            os.fsync(self._stream.fileno())
            self._stream.close()
            self._partial.replace(self._target)
            _sync_folder(self._target.parent)

    def close(self) -> None:
        """Close the partial file and leave it for another run; harmless after `commit`."""
        with writing(self._target):
            self._stream.close()


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there, and renames are durable
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
