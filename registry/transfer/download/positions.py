"""Reading and writing a file at places, from several threads."""

import os
import threading


class PositionedFile:
    """A file that threads read and write at different places at the same time.

    Raises OSError. Windows has no pread and pwrite: there, a lock keeps a seek and what follows
    together.
    """

    has_places = hasattr(os, "pwrite")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._lock = threading.Lock()

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from a place as far as the file goes, and return how many bytes came."""
        if self.has_places:
            data = os.pread(self.descriptor, len(buffer), offset)
        else:
            with self._lock:
                os.lseek(self.descriptor, offset, os.SEEK_SET)
                data = os.read(self.descriptor, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: memoryview, offset: int) -> None:
        """Write all of the data at a place."""
        while len(data):
            written = self._write_some(data, offset)
            data, offset = data[written:], offset + written

    def _write_some(self, data: memoryview, offset: int) -> int:
        if self.has_places:
            return os.pwrite(self.descriptor, data, offset)
        with self._lock:
            os.lseek(self.descriptor, offset, os.SEEK_SET)
            return os.write(self.descriptor, data)
