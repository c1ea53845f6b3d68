"""What is to be fetched: the pages of downloads put together into files, and those cut into parts.

No I/O. Digests lie one after the other in bytes, so that a plan takes 32 bytes for each part.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from registry.errors import DigestMismatchError, ProtocolError
from registry.schemas import Download, Downloads
from registry.transfer.download.routes import is_http_url

MAX_FILES = 10_000
MAX_PARTS = 1_000_000
"""Of a version: 32 MB of digests, and 16 TB at the usual 16 MiB for each part."""
DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Part:
    """A range of a file that has a digest of its own."""

    number: int
    """From 1 on."""
    start: int
    """First byte in the file."""
    size_bytes: int
    sha256: bytes | None
    """None where only the composite of all parts is known."""

    @property
    def end(self) -> int:
        """First byte behind it."""
        return self.start + self.size_bytes


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file of a version, cut into parts of one size, the last of which may be smaller."""

    path: str
    size_bytes: int
    part_size_bytes: int
    url: str = field(repr=False)
    digests: bytes = field(repr=False)
    """One SHA-256 of each part after the other; empty where only `composite` is known."""
    composite: str | None = None
    """What the parts' digests must come to, where they are not known one by one."""

    @property
    def part_count(self) -> int:
        """How many parts it has; an empty file has one empty part."""
        return count_parts(self.size_bytes, self.part_size_bytes)

    def parts(self) -> Iterator[Part]:
        """Yield the parts in order."""
        for index in range(self.part_count):
            start = index * self.part_size_bytes
            size = min(self.part_size_bytes, self.size_bytes - start)
            digest = self.digests[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES]
            yield Part(index + 1, start, size, digest or None)

    def content_id(self) -> str:
        """Return a name that any other path, size, part size or digest changes."""
        stated = (self.path, self.size_bytes, self.part_size_bytes, self.composite)
        return hashlib.sha256(repr(stated).encode() + self.digests).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class PlannedVersion:
    """A version to download."""

    model: str
    number: int
    files: list[PlannedFile]


def count_parts(size_bytes: int, part_size_bytes: int) -> int:
    """Return how many parts of a size a file has."""
    return max(1, -(-size_bytes // part_size_bytes)) if part_size_bytes > 0 else 1


class PlanReader:
    """Puts the pages of downloads together; raises ProtocolError where they do not fit."""

    def __init__(self) -> None:
        self._files: list[tuple[Download, bytearray]] = []
        self._parts = 0

    def add(self, page: Downloads) -> None:
        """Take the next page."""
        for file in page.files:
            if not is_http_url(file.url):
                raise ProtocolError(f"{file.path}: the registry gave no URL that can be asked for")
            digests = self._digests_of(file)
            digests += _read_hex(file.path, "".join(file.part_sha256))
            self._parts += len(file.part_sha256)
        if not page.files or len(self._files) > MAX_FILES or self._parts > MAX_PARTS:
            raise ProtocolError("the registry gave an empty page of downloads, or too many")

    def _digests_of(self, file: Download) -> bytearray:
        """Return the digests of earlier pages: the next page goes on in the file it ended in."""
        if file.first_part > 1:
            last, digests = self._files[-1] if self._files else (None, bytearray())
            told = len(digests) // DIGEST_BYTES
            if last is None or last.path != file.path or file.first_part != told + 1:
                raise ProtocolError(f"{file.path}: pages of downloads do not go on in each other")
            return digests
        self._files.append((file, bytearray()))
        return self._files[-1][1]

    def files(self) -> list[PlannedFile]:
        """Return all files, once every page was added."""
        return [_planned(file, bytes(digests)) for file, digests in self._files]


def _planned(file: Download, digests: bytes) -> PlannedFile:
    """Decide what to check a file by.

    Digests of its parts, where they are kept; then storage's composite, which is known of the whole
    only but lets its parts travel side by side; then a SHA-256 of the whole file, as one part.
    """
    size, composite = file.size_bytes, file.composite
    if file.part_size_bytes is not None:
        planned = PlannedFile(file.path, size, file.part_size_bytes, file.url, digests)
        stated = len(digests) // DIGEST_BYTES
    elif composite is not None:
        part_size = composite.part_size_bytes
        planned = PlannedFile(file.path, size, part_size, file.url, b"", composite.value)
        stated = composite.part_count
    elif file.sha256 is not None:
        whole = _read_hex(file.path, file.sha256)
        planned = PlannedFile(file.path, size, size, file.url, whole)
        stated = len(whole) // DIGEST_BYTES
    else:
        raise DigestMismatchError(f"{file.path}: there is no digest to check its bytes against")
    is_cut = planned.part_size_bytes > 0 or size == 0
    if size < 0 or not is_cut or stated != planned.part_count or stated > MAX_PARTS:
        raise ProtocolError(f"{file.path}: the parts that the registry states do not make the file")
    return planned


def _read_hex(path: str, digests: str) -> bytes:
    try:
        found = bytes.fromhex(digests)
    except ValueError:
        raise ProtocolError(f"{path}: a digest is not hex") from None
    if len(found) % DIGEST_BYTES:
        raise ProtocolError(f"{path}: a digest is not a SHA-256")
    return found
