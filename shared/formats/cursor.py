"""A forward cursor over a file: many small fields from few buffered reads."""

from collections.abc import Callable
from typing import Literal

from shared.formats.plan import Budget, Range, Steps
from shared.formats.report import FormatError


class Cursor:
    """Walks a file from a position up to a limit; skipped bytes are never transferred."""

    def __init__(
        self,
        limit: int,
        chunk_bytes: int,
        overrun: Callable[[int, int], FormatError],
        budget: Budget,
        byte_order: Literal["little", "big"] = "little",
        *,
        jump_bytes: int | None = None,
    ) -> None:
        """Start at offset 0.

        `overrun(offset, length)` makes the error for a field of `length` bytes at `offset` that
        does not end by `limit`; `chunk_bytes` is what one read fetches ahead. With `jump_bytes`
        the first read behind a long skip fetches so much, and the next ones twice as much each.
        """
        self.position = 0
        self.byte_order: Literal["little", "big"] = byte_order
        self._limit = limit
        self._chunk_bytes = chunk_bytes
        self._jump_bytes = chunk_bytes if jump_bytes is None else jump_bytes
        self._ahead_bytes = chunk_bytes
        self._overrun = overrun
        self._budget = budget
        self._buffer = b""
        self._buffer_offset = 0

    @property
    def at_end(self) -> bool:
        """Whether the position has reached the limit."""
        return self.position == self._limit

    def take(self, length: int) -> Steps[bytes]:
        """Read the next `length` bytes, at most a chunk, and move past them."""
        self._budget.count_step()
        start = self.position - self._buffer_offset
        if start + length > len(self._buffer):
            self._require(length)
            wanted = min(max(length, self._ahead_bytes), self._limit - self.position)
            self._ahead_bytes = min(2 * self._ahead_bytes, self._chunk_bytes)
            self._buffer = (yield Range(self.position, wanted)) if wanted else b""
            self._buffer_offset = self.position
            start = 0
        self.position += length
        return self._buffer[start : start + length]

    def unsigned(self, width: int) -> Steps[int]:
        """Read an unsigned integer of `width` bytes."""
        return int.from_bytes((yield from self.take(width)), self.byte_order)

    def skip(self, length: int) -> None:
        """Move past `length` bytes without reading them."""
        self._require(length)
        self.position += length
        if self.position > self._buffer_offset + len(self._buffer) + self._jump_bytes:
            self._ahead_bytes = self._jump_bytes

    def _require(self, length: int) -> None:
        if self.position + length > self._limit:
            raise self._overrun(self.position, length)
