"""SHA-256 of files and parts, and S3's composite digest. Hashing runs in threads."""

import base64
import hashlib
import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

import anyio
import anyio.to_thread
from anyio.from_thread import check_cancelled
from anyio.lowlevel import RunVar

from registry.errors import SourceChangedError
from registry.transfer.sources import SourceFile

CHUNK_BYTES = 1 << 20
"""How much is read, hashed or sent at once; with it a part never lies in memory as a whole."""


def to_base64(hex_digest: str) -> str:
    """Return the base64 form of a hex digest, as in `x-amz-checksum-sha256`."""
    return base64.b64encode(bytes.fromhex(hex_digest)).decode()


def composite(part_digests: Iterable[bytes]) -> str:
    """Return base64(sha256(all part digests))-N, as storage reports it for multipart objects."""
    digests = list(part_digests)
    whole = hashlib.sha256(b"".join(digests)).digest()
    return f"{base64.b64encode(whole).decode()}-{len(digests)}"


class Digest(Protocol):
    """Takes the bytes of a file in order and says its digest at the end."""

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        ...

    def value(self) -> str:
        """Return the digest of everything taken so far, in its usual form."""
        ...


class Sha256Digest:
    """The SHA-256 of a whole file, in lower-case hex."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._hash.update(data)

    def value(self) -> str:
        """Return the lower-case hex digest."""
        return self._hash.hexdigest()


class CompositeDigester:
    """S3's composite digest of a file, from bytes cut in any way."""

    def __init__(self, part_size_bytes: int) -> None:
        self._size, self._left = part_size_bytes, part_size_bytes
        self._part = hashlib.sha256()
        self._parts: list[bytes] = []

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        view = memoryview(data)
        while len(view):
            taken = view[: self._left]
            self._part.update(taken)
            self._left -= len(taken)
            view = view[len(taken) :]
            if self._left == 0:
                self._parts.append(self._part.digest())
                self._part, self._left = hashlib.sha256(), self._size

    def value(self) -> str:
        """Return base64(sha256(part digests))-N; a last short part counts."""
        unfinished = [self._part.digest()] if self._left < self._size else []
        return composite([*self._parts, *unfinished])


def hash_range(
    file: SourceFile, start: int, length: int, check: Callable[[], object] = lambda: None
) -> str:
    """Return the hex SHA-256 of a range of a file. Blocking; `check` may stop it by raising.

    Raises SourceChangedError where the file ends early or is no longer the one that was found.
    """
    digest, end = hashlib.sha256(), start + length
    with file.open() as reader:
        while start < end:
            check()
            chunk = reader.read_at(start, min(CHUNK_BYTES, end - start))
            if not chunk:
                raise SourceChangedError(file.path)
            digest.update(chunk)
            start += len(chunk)
    return digest.hexdigest()


async def hash_in_thread(file: SourceFile, start: int = 0, length: int | None = None) -> str:
    """Return the hex SHA-256 of a file or a range of it, hashed in one of a few threads."""
    work = partial(
        hash_range, file, start, file.size_bytes if length is None else length, check_cancelled
    )
    return await anyio.to_thread.run_sync(work, limiter=_hashing_threads())


def _hashing_threads() -> anyio.CapacityLimiter:
    # One for each core: more would only take turns. Kept for each event loop, as anyio wants it.
    try:
        return _limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(min(4, os.cpu_count() or 1))
        _limiter.set(limiter)
        return limiter


_limiter: RunVar[anyio.CapacityLimiter] = RunVar("registry-hashing-threads")
