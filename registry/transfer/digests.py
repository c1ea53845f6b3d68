"""The two digests of a file: its whole SHA-256, and the composite that S3 makes of its parts'."""

import base64
import hashlib
from collections.abc import Iterable
from typing import Protocol

CHUNK_BYTES = 1 << 20
"""How much is read, hashed or sent at once; with it a part never lies in memory as a whole."""


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
