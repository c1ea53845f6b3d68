"""What can go wrong, as one tree. Each error carries the code and HTTP status it is answered with.

RegistryError
├── InvalidRequest            422  a field breaks a rule that the schema cannot express
│   ├── IdempotencyKeyReused  422  the key was used with another body
│   └── RuleBroken            422  the model's rules do not allow it
├── Unauthenticated           401  no credential, or one that does not count
├── Denied                    403  it is not for who asks
│   └── Forbidden             403  the grants do not allow it
├── NotFound                  404
├── Conflict                  409  the state does not allow it
├── Gone                      410  it was there, and is kept no more
├── PreconditionFailed        412  it is not as If-Match or If-None-Match says
├── RequestTooSlow            408  its body did not arrive in time
├── PayloadTooLarge           413
├── UnsupportedMediaType      415  the body is of another type than the route reads
├── TooManyRequests           429  try again after Retry-After seconds
└── Unavailable               503  a server behind us does not answer; try again
"""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class RegistryError(Exception):
    """A request cannot be done; `detail` tells a person why."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(self, code: str, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.code = code
        """Stable name of the problem, snake_case."""
        self.detail = detail
        self.members = members
        """Further members of the problem document, e.g. `missing`."""


class InvalidRequest(RegistryError):
    """A field breaks a rule that the schema cannot express."""

    status = 422
    title = "Invalid request"

    def __init__(self, field: str, rule: str, code: str = "invalid_request") -> None:
        super().__init__(code, f"{field} {rule}", errors=[{"field": field, "rule": rule}])


def checked(field: str, check: Callable[[T], R], value: T, code: str = "invalid_request") -> R:
    """Return what a check makes of a field's value; raises InvalidRequest where it refuses it."""
    try:
        return check(value)
    except ValueError as error:
        raise InvalidRequest(field, str(error), code) from error


class IdempotencyKeyReused(InvalidRequest):
    """The idempotency key was used before with another body."""

    def __init__(self) -> None:
        super().__init__(
            "Idempotency-Key", "was used with another request body", "idempotency_key_reused"
        )


class RuleBroken(InvalidRequest):
    """The rules of the model do not allow it; `errors` names each field and its rule."""

    def __init__(self, errors: Sequence[Mapping[str, str]], rules: Sequence[str]) -> None:
        detail = "; ".join(f"{each['field']} {each['rule']}" for each in errors)
        RegistryError.__init__(self, "rule_broken", detail, errors=list(errors), rules=list(rules))


class Unauthenticated(RegistryError):
    """The request carries no credential where one is needed, or one that does not count.

    It does not say why: whoever tries credentials learns nothing.
    """

    status = 401
    title = "Unauthenticated"

    def __init__(self, detail: str = "the credential is not accepted") -> None:
        super().__init__("unauthenticated", detail)


class Denied(RegistryError):
    """It is not for whoever asks, whatever they are granted."""

    status = 403
    title = "Forbidden"


class Forbidden(Denied):
    """The grants of whoever asks do not allow it."""

    def __init__(self, missing: str, code: str = "forbidden", why: str = "") -> None:
        detail = f"{why}this needs the grant {missing}"
        super().__init__(code, detail, missing_grant=missing)


class NotFound(RegistryError):
    """What the request names is not there."""

    status = 404
    title = "Not found"


class Conflict(RegistryError):
    """The state of what the request names does not allow it."""

    status = 409
    title = "Conflict"


class Gone(RegistryError):
    """What the request names was there, and is kept no more."""

    status = 410
    title = "Gone"


class PreconditionFailed(RegistryError):
    """What the request names is not as the request believes it to be."""

    status = 412
    title = "Precondition failed"


class PayloadTooLarge(RegistryError):
    """The request body is over the limit."""

    status = 413
    title = "Payload too large"


class RequestTooSlow(RegistryError):
    """The request body did not arrive in time."""

    status = 408
    title = "Request timeout"


class UnsupportedMediaType(RegistryError):
    """The request body is of another type than the route reads."""

    status = 415
    title = "Unsupported media type"


class TooManyRequests(RegistryError):
    """The service works on as many requests as it may, or the caller asks too often."""

    status = 429
    title = "Too many requests"

    def __init__(self, code: str, detail: str, retry_after_seconds: int = 1) -> None:
        super().__init__(code, detail)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(RegistryError):
    """A server behind this one does not answer."""

    status = 503
    title = "Service unavailable"
    retry_after_seconds: ClassVar[int] = 2


def model_not_found(model: str) -> NotFound:
    """Return the error of a model that is not there, or that the caller may not know of."""
    return NotFound("model_not_found", f"there is no model {model!r}")


def version_not_found(model: str, version: str | int) -> NotFound:
    """Return the error of a version that a model does not have, by number or label."""
    return NotFound("version_not_found", f"model {model!r} has no version {version!r}")
