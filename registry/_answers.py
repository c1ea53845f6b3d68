"""The one place that reads what a service answered: a value, or the exception for a refusal.

Example:
    >>> from registry.errors import NotFoundError
    >>> problem = {"status": 404, "code": "model_not_found", "detail": "no model 'churn'"}
    >>> error = error_from_problem(404, problem)
    >>> isinstance(error, NotFoundError), error.code, str(error)
    (True, 'model_not_found', "no model 'churn'")
"""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import httpx
from pydantic import BaseModel, ValidationError

from registry.errors import (
    AccessDeniedError,
    ApprovalNeededError,
    ConflictError,
    EventsGoneError,
    FieldError,
    InvalidRequestError,
    NotFoundError,
    ProtocolError,
    RevisionMismatchError,
    ServiceError,
    UploadAbortedError,
    UploadIncompleteError,
    UploadMismatchError,
    VersionNotReadyError,
)

AnswerT = TypeVar("AnswerT", bound=BaseModel)

_BY_CODE: dict[str, type[ServiceError]] = {
    "events_gone": EventsGoneError,
    "version_not_ready": VersionNotReadyError,
    "approval_needed": ApprovalNeededError,
    "upload_incomplete": UploadIncompleteError,
    "upload_aborted": UploadAbortedError,
    "upload_expired": UploadAbortedError,
}
_BY_STATUS: dict[int, type[ServiceError]] = {
    400: InvalidRequestError,
    401: AccessDeniedError,
    403: AccessDeniedError,
    404: NotFoundError,
    409: ConflictError,
    412: RevisionMismatchError,
    413: InvalidRequestError,
    422: InvalidRequestError,
}


def accepted(response: httpx.Response) -> httpx.Response:
    """Return a success as it is; raises ServiceError for a refusal, and for a redirection."""
    if response.is_success:
        return response
    if response.next_request is not None:
        here, there = origin(response.request.url), origin(response.next_request.url)
        detail = f"{here} redirects to {there}, and redirections are not followed: name that one"
        raise ServiceError(detail, code="redirected", status=response.status_code)
    try:
        problem: object = response.json()
    except (ValueError, RecursionError):
        problem = None
    error = error_from_problem(response.status_code, problem)
    error.request_id = response.headers.get("x-request-id")
    raise error


def parse(response: httpx.Response, answer: type[AnswerT]) -> AnswerT:
    """Read an answer; raises ProtocolError naming the fields that are missing or wrong."""
    try:
        return answer.model_validate_json(response.content)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, item["loc"])) for item in error.errors()[:3])
        raise ProtocolError(
            f"{origin(response.request.url)} did not answer as a model registry does"
            f" ({answer.__name__}{': ' if fields else ''}{fields})"
        ) from None


def origin(url: httpx.URL) -> str:
    """Return scheme, host and port of an address, for messages."""
    return f"{url.scheme}://{url.netloc.decode()}"


def error_from_problem(status: int, problem: object) -> ServiceError:
    """Turn a problem+json answer (RFC 9457) into the exception its `code` stands for.

    An answer that is no problem document, such as a proxy's page, is told apart by its status.
    """
    members: Mapping[str, Any] = {}
    if isinstance(problem, Mapping):
        members = cast("Mapping[str, Any]", problem)
    code = str(members.get("code") or f"http_{status}")
    detail = str(members.get("detail") or members.get("title") or f"the answer was {status}")
    if code == "idempotency_key_reused":
        return UploadMismatchError(detail, code=code, status=status)
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status, ServiceError)
    error = kind(detail, code=code, status=status, errors=_field_errors(members.get("errors")))
    if isinstance(error, EventsGoneError) and members.get("oldest_event_id"):
        error.oldest_event_id = str(members["oldest_event_id"])
    return error


def request_of(request: type[AnswerT], fields: Mapping[str, Any]) -> AnswerT:
    """Return the request of these fields; raises InvalidRequestError before it is sent."""
    try:
        return request.model_validate(fields)
    except ValidationError as error:
        raise invalid_request(error) from None


def invalid_request(error: ValidationError) -> InvalidRequestError:
    """Turn pydantic's refusal of a request into the error that the service would answer with."""
    errors = [
        FieldError(".".join(map(str, item["loc"])) or "request", _rule(item["msg"]))
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return InvalidRequestError(
        "the request is invalid", code="invalid_request", status=422, errors=errors
    )


def _rule(message: str) -> str:
    return message.removeprefix("Value error, ")


def _field_errors(value: object) -> list[FieldError]:
    if not isinstance(value, list):
        return []
    items = [
        cast("Mapping[str, Any]", item)
        for item in cast("list[object]", value)
        if isinstance(item, Mapping)
    ]
    return [FieldError(str(item.get("field", "")), str(item.get("rule", ""))) for item in items]
