"""The ranged reads of one exact object, as format checks and comparisons use them."""

from dataclasses import dataclass

from shared.storage.connection import StorageUnavailable
from shared.storage.objects import Objects


@dataclass(frozen=True, slots=True)
class ObjectRanges:
    """One object version, of which ranges are read."""

    objects: Objects
    bucket: str
    key: str
    object_version: str | None
    size_bytes: int

    async def read(self, offset: int, length: int) -> bytes:
        """Return the bytes from `offset`, fewer than `length` only at the object's end.

        Raises the storage errors.
        """
        length = min(length, self.size_bytes - offset)
        if length <= 0:
            return b""
        read = await self.objects.read(self.bucket, self.key, offset, length, self.object_version)
        if len(read) != length:
            raise StorageUnavailable(f"{len(read)} bytes came of {length}")
        return read
