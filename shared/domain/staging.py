"""Bytes that a Hugging Face client sends before it says which files they are.

Its protocol has the bytes first, by their SHA-256 alone, and the files that have them later, in a
commit. Until then they are the parts of a multipart upload that nobody has joined: no object, so
that nothing lists, indexes or adopts them. A commit makes the upload an artifact's, and joins it.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.domain.records import Record

MIB = 1024 * 1024
MAX_PART_BYTES = 5 * 1024 * MIB
"""Largest part that S3 takes."""
MOST_URLS = 6000
"""Signed URLs of one answer: each has up to 1 kB, and what query passes on up to 8 MiB."""
_FOLDER = ".hub-"
"""Begins the folder of staged bytes. No version's label begins so, so that nobody who puts objects
under the key rule can be in the same place."""


class StagedRecord(Record):
    """Bytes that were announced: a multipart upload, whose they are, and until when they count."""

    id: str = Field(validation_alias="_id", serialization_alias="_id")
    model: str
    bucket: str
    key: str
    sha256: str
    """Hex digest that the client claims; the bytes are read before it counts."""
    size_bytes: int
    part_size_bytes: int
    part_count: int
    multipart_id: str | None = None
    """Storage's id of the multipart upload, once that was opened."""
    owner: str
    """The principal that announced them: nobody else can commit them."""
    secret_sha256: str
    """Digest of what the address carries to which their completion is told."""
    created_at: datetime
    expires_at: datetime
    """From then on they are dropped, unless a version has them."""
    state: Literal["open", "sent", "ended"] = "open"
    """sent: storage has every part; ended: they are being dropped."""


def staged_key(model: str, folder: str, sha256: str) -> str:
    """Return the key of bytes that are staged in a folder of their own, by its id."""
    return f"{model}/{_FOLDER}{folder}/{sha256}"


def staged_part_bytes(size_bytes: int, preferred_bytes: int, files: int) -> int:
    """Return the part size of one of so many files that are announced together.

    The preferred one, or the whole MiB above it with which the answer has no more than MOST_URLS.
    Raises ValueError where no part size does.
    """
    most_parts = max(1, MOST_URLS // files)
    needed = -(-size_bytes // most_parts)
    part_bytes = max(preferred_bytes, -(-needed // MIB) * MIB)
    if part_bytes > MAX_PART_BYTES:
        largest = most_parts * MAX_PART_BYTES
        raise ValueError(f"must be at most {largest} bytes where {files} files are sent together")
    return part_bytes


def part_length(record: StagedRecord, number: int) -> int:
    """Return the size in bytes of part `number` (from 1); the last may be smaller."""
    part_bytes = record.part_size_bytes
    return min(part_bytes, record.size_bytes - (number - 1) * part_bytes)
