"""What the command's exit status means. `docs/cli.md` shows the same table."""

from enum import IntEnum

import typer

from registry.errors import (
    AccessDeniedError,
    CacheBusyError,
    CacheError,
    CertificateError,
    ConflictError,
    ConnectionSettingsError,
    DestinationError,
    DigestMismatchError,
    InvalidRequestError,
    NotCachedError,
    NotFoundError,
    ProfileError,
    SourceError,
    StorageError,
    UnavailableError,
    UnsafePathError,
    UntrustedOriginError,
    VersionRejectedError,
)


class ExitCode(IntEnum):
    """Exit statuses of `registry`."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    REJECTED = 5
    UNAVAILABLE = 6
    DIGEST_MISMATCH = 7
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.UNEXPECTED: "an unexpected error",
    ExitCode.USAGE: (
        "wrong usage: an option, a name, metadata, a source or profiles that cannot be read, a"
        " place that cannot be written, or a certificate that is not trusted"
    ),
    ExitCode.NOT_FOUND: "the model, version, file, upload, token or profile is not there",
    ExitCode.REFUSED: (
        "refused: the state does not allow it, the caller may not, or the token may not be sent"
        " where the registry leads"
    ),
    ExitCode.REJECTED: "the uploaded version failed verification",
    ExitCode.UNAVAILABLE: "a server did not answer in time; the same command continues later",
    ExitCode.DIGEST_MISMATCH: "downloaded bytes are not the ones that were verified",
    ExitCode.INTERRUPTED: "interrupted; the same command continues an upload or download",
}

_BY_ERROR: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (InvalidRequestError, ExitCode.USAGE),
    (SourceError, ExitCode.USAGE),
    (DestinationError, ExitCode.USAGE),
    (ProfileError, ExitCode.USAGE),
    (CertificateError, ExitCode.USAGE),
    (ConnectionSettingsError, ExitCode.USAGE),
    (NotFoundError, ExitCode.NOT_FOUND),
    (NotCachedError, ExitCode.NOT_FOUND),
    (CacheBusyError, ExitCode.UNAVAILABLE),
    (CacheError, ExitCode.USAGE),
    (ConflictError, ExitCode.REFUSED),
    (AccessDeniedError, ExitCode.REFUSED),
    (UntrustedOriginError, ExitCode.REFUSED),
    (StorageError, ExitCode.REFUSED),
    (VersionRejectedError, ExitCode.REJECTED),
    (UnavailableError, ExitCode.UNAVAILABLE),
    (DigestMismatchError, ExitCode.DIGEST_MISMATCH),
    (UnsafePathError, ExitCode.DIGEST_MISMATCH),
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
    (typer.Abort, ExitCode.INTERRUPTED),
)


def exit_code(error: BaseException) -> int:
    """Return the exit status that an exception ends the command with."""
    for kind, code in _BY_ERROR:
        if isinstance(error, kind):
            return code
    if isinstance(error, typer.TyperException):
        return error.exit_code
    return ExitCode.UNEXPECTED
