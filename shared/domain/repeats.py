"""Requests that are sent again: each is known by its key, and by a digest of what it asks for."""

from shared.domain.errors import IdempotencyKeyReused
from shared.domain.records import Record


class UnchangedRecord(Record):
    """A request with a key that found everything as it asks for, and changed nothing."""

    request: str | None
    """Digest of what was asked for."""
    number: int | None
    """Number of the version that it was about, where it was about one."""
    revision: int
    """The revision that it found."""


def require_same(made: str | None, asked: str | None) -> None:
    """Raise IdempotencyKeyReused where what a key made was asked for by another request."""
    if made is not None and made != asked:  # of earlier releases it is not known
        raise IdempotencyKeyReused
