"""Signed URLs for the files of a version. Times are UTC."""

from datetime import datetime

from pydantic import Field

from registry.schemas.base import Answer
from registry.schemas.versions import CompositeDigest, DigestState


class Download(Answer):
    """A signed URL for one artifact, with what to check its bytes against."""

    path: str
    url: str = Field(repr=False)
    """A secret for as long as it lives: do not log it."""
    expires_at: datetime
    size_bytes: int
    sha256: str | None
    sha256_state: DigestState | None
    composite: CompositeDigest | None
    part_size_bytes: int | None = None
    """Size of every part but the last; None where no part digests are kept: check the whole."""
    first_part: int = 1
    """Number of the first part in `part_sha256`."""
    part_sha256: list[str] = Field(default_factory=list[str])
    """Verified SHA-256 of the parts in order, lower-case hex; the next page has what is left."""


class Downloads(Answer):
    """Signed URLs for the artifacts of one version, and the digests of their parts: one page."""

    model: str
    number: int
    files: list[Download]
    next_cursor: str | None = None
    """Give it back as `cursor` for the next page; it begins with the file that this one ends in
    where that has more parts."""
