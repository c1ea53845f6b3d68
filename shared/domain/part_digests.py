"""The SHA-256 of each part of a verified artifact: downloads are checked by them part by part."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from registry.schemas import Artifact
from shared.domain import digests
from shared.domain.records import ArtifactRecord

DIGEST_BYTES = 32
MAX_PARTS = 10_000
"""S3's limit of a multipart object; the digests of so many are 320 kB."""
READ_PART_BYTES = 16 * 1024 * 1024
"""Parts that a file is cut into where nobody cut it before: when it was read whole."""


@dataclass(frozen=True, slots=True)
class PartDigests:
    """Digests of equal parts, the last of which may be smaller."""

    part_size_bytes: int
    digests: bytes
    """One SHA-256 of 32 bytes after the other, in the order of the parts."""

    @classmethod
    def of(cls, part_size_bytes: int, hex_digests: Iterable[str]) -> Self:
        """Make them of hex digests in the order of the parts."""
        return cls(part_size_bytes, b"".join(bytes.fromhex(each) for each in hex_digests))

    def __len__(self) -> int:
        """Return the number of parts."""
        return len(self.digests) // DIGEST_BYTES

    def hex(self, first: int, limit: int) -> list[str]:
        """Return up to `limit` digests in hex, from part `first` (from 1) on."""
        begin = (first - 1) * DIGEST_BYTES
        end = min(len(self.digests), begin + limit * DIGEST_BYTES)
        return [
            self.digests[at : at + DIGEST_BYTES].hex() for at in range(begin, end, DIGEST_BYTES)
        ]

    def composite(self) -> str:
        """Return the composite digest that storage makes of these parts."""
        return digests.composite(self.hex(1, len(self)))

    def are_of(self, artifact: ArtifactRecord | Artifact) -> bool:
        """Whether these are the artifact's parts, as far as storage attested them together.

        They are kept before the version is settled: another object under the key, written or
        looked at in the same moment, may have left its own.
        """
        return artifact.composite is None or self.composite() == artifact.composite.value


def spans_parts(artifact: ArtifactRecord) -> bool:
    """Whether part digests are kept of an artifact once it is verified.

    A file of one PUT that storage attested is one part, whose digest is the artifact's own.
    """
    if artifact.kind == "multipart":
        return (artifact.part_count or 0) > 1
    return artifact.expected_sha256 is None and artifact.size_bytes > READ_PART_BYTES


def read_part_bytes(artifact: ArtifactRecord) -> int:
    """Return the size of the parts that an artifact is cut into when it is read whole."""
    if artifact.part_size_bytes:
        return artifact.part_size_bytes
    return max(READ_PART_BYTES, -(-artifact.size_bytes // MAX_PARTS))


class FileHasher:
    """The SHA-256 of a file and of each of its parts, from its bytes in order, cut in any way."""

    def __init__(self, part_size_bytes: int) -> None:
        self.size_bytes = 0
        self._part_size = part_size_bytes
        self._whole, self._part = hashlib.sha256(), hashlib.sha256()
        self._digests = bytearray()

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._whole.update(chunk)
        view = memoryview(chunk)
        while view:
            room = self._part_size - self.size_bytes % self._part_size
            taken = view[:room]
            self._part.update(taken)
            self.size_bytes += len(taken)
            view = view[len(taken) :]
            if len(taken) == room:
                self._end_part()

    def sha256(self) -> str:
        """Return the hex digest of all bytes."""
        return self._whole.hexdigest()

    def parts(self) -> PartDigests:
        """Return the digests of the parts; the last one may be short."""
        last = self._part.digest() if self.size_bytes % self._part_size else b""
        return PartDigests(self._part_size, bytes(self._digests) + last)

    def _end_part(self) -> None:
        self._digests += self._part.digest()
        self._part = hashlib.sha256()
