"""What an error of MongoDB means to whoever asked: one table, by class, label and code.

    DatabaseUnavailable       waiting mends it: the server is away, changes its role, or refuses us
    └── DatabaseContended     the server answers, and others were faster until the deadline

Everything else that the driver raises passes as it is: no waiting mends what is wrong with a
statement or its data. docs/errors.md has the table with the reasons.
"""

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
)

from shared.domain.errors import Unavailable

DuplicateKey = DuplicateKeyError
Kind = Literal["away", "refused", "contended", "permanent"]

_KIND_OF_CODE: Mapping[int, Kind] = {
    # The server, its role or its way is not there now.
    **dict.fromkeys((6, 7, 89, 9001), "away"),  # host unreachable, not found, network
    **dict.fromkeys((91, 11600), "away"),  # it shuts down
    **dict.fromkeys((189, 10107, 11602, 13435, 13436), "away"),  # another primary
    **dict.fromkeys((50, 64, 100, 133, 134, 262), "away"),  # too late, or too few members
    **dict.fromkeys((43, 175, 237, 11601), "away"),  # the cursor or the operation was ended
    **dict.fromkeys((280, 286), "away"),  # the change stream must begin anew
    14031: "away",  # its disk is full
    # It does not let us in, or not do this: an operator's to mend, and no fault of the data.
    **dict.fromkeys((11, 13, 18, 391), "refused"),
    # Others change the same documents.
    **dict.fromkeys((24, 112, 117, 225, 246, 251), "contended"),
}
_DUPLICATE_KEY = 11000
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""What the driver's error says of a server that is not trusted; it has no class of its own."""
_LABELS_OF_ABSENCE = (
    "RetryableWriteError",
    "ResumableChangeStreamError",
    "RetryableError",
    "UnknownTransactionCommitResult",
)


class DatabaseUnavailable(Unavailable):
    """MongoDB does not answer, or does not let us in; waiting mends it."""

    code_of_answer = "database_unavailable"
    answer = "the database is unavailable; try again"

    def __init__(self, reason: str, *, is_refused: bool = False) -> None:
        super().__init__(self.code_of_answer, self.answer)
        self.reason = reason
        """What the driver said, for logs and operators."""
        self.is_refused = is_refused
        """Whether the server answers, and refuses our credentials or rights, or is not trusted."""

    def __str__(self) -> str:
        return f"{self.detail} ({self.reason})"


class DatabaseContended(DatabaseUnavailable):
    """MongoDB answers, and others changed the same documents until the deadline."""

    code_of_answer = "database_contended"
    answer = "others change the same records; try again"


def kind_of(error: PyMongoError) -> Kind:
    """Classify an error of the driver."""
    for code in _codes(error):
        if code in _KIND_OF_CODE:
            return _KIND_OF_CODE[code]
    if isinstance(error, ConnectionFailure) or error.timeout:
        return "away"
    if any(error.has_error_label(label) for label in _LABELS_OF_ABSENCE):
        return "away"
    return "contended" if error.has_error_label("TransientTransactionError") else "permanent"


def as_unavailable(error: PyMongoError) -> DatabaseUnavailable | None:
    """Return the error that callers wait for; None for one that no waiting mends."""
    kind = kind_of(error)
    if kind == "permanent":
        return None
    if kind == "contended":
        return DatabaseContended(_brief(error))
    is_refused = kind == "refused" or _UNTRUSTED in str(error)
    return DatabaseUnavailable(_brief(error), is_refused=is_refused)


def is_duplicate_key(error: PyMongoError) -> bool:
    """Whether a write met another document with its key, by itself or in a bulk."""
    return _DUPLICATE_KEY in _codes(error)


@contextmanager
def told_errors() -> Generator[None]:
    """Raise DatabaseUnavailable for errors of the block that waiting mends; others pass."""
    try:
        yield
    except PyMongoError as error:
        unavailable = as_unavailable(error)
        if unavailable is None:
            raise
        raise unavailable from error


def _codes(error: PyMongoError) -> list[int]:
    """Return the codes of an error, the most telling first."""
    found: list[Any] = []
    if isinstance(error, BulkWriteError):  # its own code says no more than that it is one
        details = error.details or {}
        told = (*details.get("writeErrors", ()), *details.get("writeConcernErrors", ()))
        found += [each.get("code") for each in told]
    if isinstance(error, OperationFailure):
        found.append(error.code)
    return [code for code in found if isinstance(code, int)]


def _brief(error: PyMongoError) -> str:
    """Name the error, with the first part of what it says: drivers append what they tried."""
    said = re.split(r", | \(", str(error), maxsplit=1)[0]
    return f"{type(error).__name__}: {said[:200]}".rstrip(": ")
