"""Which parts of an interrupted download lie in its files: one line for each verified part.

A line is written as soon as its part is verified, so that a killed process loses none, and made
durable in batches, after the bytes. It is a hint and never a proof: whoever reads it checks the
bytes that it names, so a line that outlived its bytes costs a fetch and nothing else.
"""

import os
import re
from collections.abc import Container
from pathlib import Path

LINE = re.compile(rb"([0-9a-f]{32}) ([1-9][0-9]{0,9}) ([0-9a-f]{64})\n")
"""File (its content id), part number, SHA-256."""
SYNC_BYTES = 64 * 1024**2
"""Bytes of one file that a loss of power may cost beyond what the journal names."""

Claims = dict[str, dict[int, bytes]]
"""SHA-256 by part number by file."""

fdatasync = getattr(os, "fdatasync", os.fsync)
"""Make a file's bytes durable; macOS and Windows know only the slower fsync."""


class Journal:
    """The journal of one download; threads append to it."""

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(path, flags, 0o600)
        self._path = path

    def read(self, known: Container[str]) -> Claims:
        """Return what it says of known files; a part's newest line counts, torn ones never."""
        claims: Claims = {}
        with self._path.open("rb") as lines:
            while line := lines.readline(256):
                if match := LINE.fullmatch(line):
                    file, number, digest = (group.decode() for group in match.groups())
                    if file in known:
                        claims.setdefault(file, {})[int(number)] = bytes.fromhex(digest)
                elif not line.endswith(b"\n"):
                    os.write(self._descriptor, b"\n")  # torn: the next line must not hang on to it
        return claims

    def append(self, file: str, number: int, digest: bytes) -> None:
        """Add a verified part, in one write that nothing can come between."""
        os.write(self._descriptor, f"{file} {number} {digest.hex()}\n".encode())

    def sync(self) -> None:
        """Make it durable."""
        fdatasync(self._descriptor)

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)
