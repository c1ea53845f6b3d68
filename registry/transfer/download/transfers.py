"""A file on its way: its pieces, what is verified of them, and what to do when all are."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from registry.errors import DigestMismatchError
from registry.transfer.digests import composite
from registry.transfer.download.abort import Abort
from registry.transfer.download.connections import BUFFER_BYTES
from registry.transfer.download.pieces import Piece
from registry.transfer.download.plan import PlannedFile
from registry.transfer.download.sinks import Sink

Received = Callable[[int], None]
"""Bytes arrived; a negative number takes those of a failed part back."""


class FileTransfer:
    """Shared by the threads that fetch the pieces of one file."""

    def __init__(
        self, file: PlannedFile, version: str, sink: Sink, claims: Mapping[int, bytes]
    ) -> None:
        self.file, self.url = file, file.url
        self.name = f"{file.path} of {version}"
        """For a message: the file and what it belongs to."""
        self.is_complete = False
        self._sink = sink
        self._lock = threading.Lock()
        self._is_open = False
        self._recalled = False
        self._digests = dict[int, bytes]()
        self._set_out(claims)

    def _set_out(self, claims: Mapping[int, bytes]) -> None:
        with self._lock:
            self._is_ending = False
            self._missing = self.file.part_count
        self.left = deque(
            Piece(part, claims.get(part.number) if self.file.part_count > 1 else None)
            for part in self.file.parts()
        )
        """Pieces that nobody has taken yet; the event loop alone takes them."""

    def open(self, run: Sequence[Piece], abort: Abort, received: Received) -> None:
        """Open the file, once, and check what an earlier run left of the pieces of a run."""
        with self._lock:
            found = 0 if self._is_open else self._sink.open()
            self._is_open = True
        for piece in run:
            claimed_bytes = piece.part.size_bytes if piece.claimed else found
            if claimed_bytes:
                self._recall(piece, claimed_bytes, abort, received)

    def _recall(self, piece: Piece, claimed_bytes: int, abort: Abort, received: Received) -> None:
        """Hash bytes that are there already, and keep them unless their digest is another."""
        buffer = memoryview(bytearray(BUFFER_BYTES))
        while piece.done_bytes < claimed_bytes:
            abort.check()
            wanted = min(len(buffer), claimed_bytes - piece.done_bytes)
            count = self._sink.read_into(buffer[:wanted], piece.position)
            if not count:
                break
            piece.take(buffer[:count])
        expected, piece.claimed = piece.claimed or piece.part.sha256, None
        if piece.missing_bytes and self.file.part_count > 1:
            piece.reset()
        self._recalled = self._recalled or piece.done_bytes > 0
        received(piece.done_bytes)
        if not piece.missing_bytes and not self.settle(piece, expected):
            received(-piece.part.size_bytes)

    def write(self, data: memoryview, offset: int) -> None:
        """Write bytes at their place."""
        self._sink.write(data, offset)

    def settle(self, piece: Piece, expected: bytes | None) -> bool:
        """Compare the digest of a piece that is whole; if it is another, the piece starts anew."""
        digest = piece.hash.digest()
        if digest != (piece.part.sha256 or expected or digest):
            piece.reset()
            if self.file.part_count == 1:
                self._sink.forget()
            return False
        self._sink.keep(piece.part, digest)
        with self._lock:
            piece.is_verified = True
            self._missing -= 1
            if self.file.composite is not None:
                self._digests[piece.part.number] = digest
        return True

    def complete(self, received: Received) -> None:
        """Finish the file if every piece is verified; one thread does, the others do nothing.

        Where only the composite of all parts is known and is another, bytes of an earlier run are
        fetched once more. Raises DigestMismatchError where there are none.
        """
        with self._lock:
            if self._missing or self._is_ending:
                return
            self._is_ending = True
        if self.file.composite is not None:
            ordered = [self._digests[number] for number in sorted(self._digests)]
            if composite(ordered) != self.file.composite:
                self._sink.forget()
                if not self._recalled:
                    raise DigestMismatchError(
                        f"{self.name}: the bytes that arrived are not the bytes that were verified"
                    )
                received(-self.file.size_bytes)
                self._recalled = False
                self._set_out({})
                return
        self._sink.complete()
        self.is_complete = True

    def close(self) -> None:
        """Let go of the file; harmless when it is complete."""
        self._sink.close()
