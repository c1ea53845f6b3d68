"""Errors as the command `registry` tells them: one line, and an exit status for each kind."""

import re
from collections.abc import Generator
from contextlib import contextmanager

from aiokafka.errors import KafkaError
from pydantic import ValidationError

from registry.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    ServiceError,
    UnavailableError,
)
from shared.database.errors import DatabaseUnavailable
from shared.database.leases import LeaseLost
from shared.domain.errors import Conflict, InvalidRequest, NotFound, RegistryError, Unavailable
from shared.runtime.process import explain_bad_settings
from shared.storage.connection import StorageMissing, StorageUnavailable
from shared.storage.groups import NotProvisioned, is_denied

_KINDS: tuple[tuple[type[RegistryError], type[ServiceError]], ...] = (
    (InvalidRequest, InvalidRequestError),
    (NotFound, NotFoundError),
    (StorageMissing, NotFoundError),
    (Conflict, ConflictError),
)


@contextmanager
def told_errors() -> Generator[None]:
    """Turn what a use case raises into the errors that the command's exit statuses are for."""
    try:
        yield
    except NotProvisioned as error:
        # Whoever provisions may not: to them it is no use to wait for somebody who does.
        detail = f"{error.lacking}: this needs an administrator's credentials"
        raise ConflictError(detail, code="denied", status=403) from error
    except (DatabaseUnavailable, StorageUnavailable) as error:
        if (denied := _denied(error)) is not None:
            raise denied from error
        if isinstance(error, StorageUnavailable):
            raise UnavailableError(error.detail) from error
        raise UnavailableError(f"MongoDB does not answer: {error.reason}") from error
    except Unavailable as error:
        raise UnavailableError(error.detail) from error
    except RegistryError as error:
        kinds = (told for kind, told in _KINDS if isinstance(error, kind))
        # What else storage refuses is up to its rights, as for any caller.
        told = next(kinds, ConflictError)
        raise told(error.detail, code=error.code, status=error.status) from error
    except LeaseLost as error:
        raise UnavailableError(f"another process took the lease {error} over; try again") from error
    except (KafkaError, OSError) as error:
        raise UnavailableError(f"a server does not answer: {_brief(error)}") from error


def _denied(error: DatabaseUnavailable | StorageUnavailable) -> ConflictError | None:
    """Return how a server that answers and denies it is told; None where it does not answer."""
    if not is_denied(error):
        return None
    server = "object storage" if isinstance(error, StorageUnavailable) else "MongoDB"
    detail = f"{server} denies it ({error.reason}): this needs an administrator's credentials"
    return ConflictError(detail, code="denied", status=403)


def bad_settings(error: ValidationError) -> InvalidRequestError:
    """Return bad settings as wrong usage."""
    explained = explain_bad_settings(error)
    return InvalidRequestError(explained, code="bad_settings", status=InvalidRequest.status)


def _brief(error: Exception) -> str:
    """Name the error, with the first part of what it says: drivers append what they tried."""
    said = re.split(r", | \(", str(error), maxsplit=1)[0]
    return f"{type(error).__name__}: {said[:200]}".rstrip(": ")
