"""How far a transfer is."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all; done goes back when a part is sent again."""


class Meter:
    """Adds up what several transfers at once have done."""

    def __init__(self, total_bytes: int, report: Progress | None) -> None:
        self.total_bytes, self.done_bytes, self._report = total_bytes, 0, report

    @property
    def is_watched(self) -> bool:
        """Whether anybody is told."""
        return self._report is not None

    def add(self, size_bytes: int) -> None:
        """Count bytes as done; a negative number takes a failed attempt back."""
        self.done_bytes += size_bytes
        if self._report is not None:
            self._report(self.done_bytes, self.total_bytes)
