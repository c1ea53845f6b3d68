"""Names that must differ from each other, remembered in little memory."""

from hashlib import blake2b
from typing import Final

DIGEST_BYTES: Final = 16
"""So short that a million names cost about 100 MB however long they are, so long that no two
names share a digest."""


class DistinctNames:
    """Remembers names by their digests."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, name: bytes | bytearray | memoryview) -> bool:
        """Remember a name; False where it was there before."""
        digest = blake2b(name, digest_size=DIGEST_BYTES).digest()
        if digest in self._seen:
            return False
        self._seen.add(digest)
        return True
