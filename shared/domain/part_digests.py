"""The SHA-256 of each part of a verified artifact: downloads are checked by them part by part."""

from dataclasses import dataclass

DIGEST_BYTES = 32
READ_PART_BYTES = 16 * 1024 * 1024
"""Parts that a file is cut into where nobody cut it before: when it was read whole."""


@dataclass(frozen=True, slots=True)
class PartDigests:
    """Digests of equal parts, the last of which may be smaller."""

    part_size_bytes: int
    digests: bytes
    """One SHA-256 of 32 bytes after the other, in the order of the parts."""

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
