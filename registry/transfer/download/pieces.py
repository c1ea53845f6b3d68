"""Parts on their way: how far each has arrived, and which travel together. No I/O."""

import hashlib
from collections import deque

from registry.transfer.download.plan import Part

RUN_BYTES = 64 * 1024**2
"""Adjacent parts that one request asks for; the last requests of a file are smaller."""
SMALL_RUN_BYTES = 4 * 1024**2
"""Up to this, adjacent parts always travel together: a request of its own would cost more."""


class Piece:
    """A part that is being fetched. Its hash survives a lost connection, so that it goes on."""

    __slots__ = ("claimed", "done_bytes", "hash", "is_verified", "part", "refetches")

    def __init__(self, part: Part, claimed: bytes | None = None) -> None:
        self.part = part
        self.claimed = claimed
        """Its digest by the journal, which says that it lies in the file: that is to be checked."""
        self.refetches = 0
        self.is_verified = False
        self.reset()

    def reset(self) -> None:
        """Forget its bytes."""
        self.hash, self.done_bytes = hashlib.sha256(), 0

    @property
    def position(self) -> int:
        """Where its next byte lies in the file."""
        return self.part.start + self.done_bytes

    @property
    def missing_bytes(self) -> int:
        """How much of it is still to come."""
        return self.part.size_bytes - self.done_bytes

    def take(self, data: memoryview) -> None:
        """Count and hash the next bytes."""
        self.hash.update(data)
        self.done_bytes += len(data)


def next_run(left: deque[Piece], workers: int) -> list[Piece]:
    """Take adjacent pieces for one request: fewer towards the end, so that workers end together.

    A piece that may lie in the file already comes alone: whether it is right decides what is asked.
    """
    remaining = sum(piece.missing_bytes for piece in left)
    limit = max(SMALL_RUN_BYTES, min(RUN_BYTES, remaining // (2 * workers)))
    run = [left.popleft()]
    while left and not run[-1].claimed and not left[0].claimed:
        following = left[0].part
        adjacent = following.start == run[-1].part.end
        if not adjacent or following.end - run[0].part.start > limit:
            break
        run.append(left.popleft())
    return run
