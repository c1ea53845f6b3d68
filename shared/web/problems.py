"""The one place that turns an exception into an answer: RFC 9457 problem documents."""

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from registry.schemas import Problem
from shared.domain.errors import RegistryError, TooManyRequests, Unauthenticated, Unavailable
from shared.runtime.logs import get_logger

PROBLEM_JSON = "application/problem+json"
PROBLEM_CODE = "registry.problem_code"
"""Where a request's scope has the code of the problem that it is answered with."""
MOST_TOLD = 100
"""Wrong fields that one answer names; whoever has more of them has one mistake, many times."""
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, description in {
        "4XX": "The request cannot be done as it stands",
        "5XX": "A server behind this one does not answer; try again after Retry-After seconds",
    }.items()
}
"""What every route may answer besides its result, for the OpenAPI document."""

log = get_logger(__name__)


def answer_problems(app: FastAPI) -> None:
    """Have every failure of the service answered as a problem document, and documented as one."""
    app.openapi = partial(_openapi, app.openapi)
    app.add_exception_handler(RegistryError, _on_registry_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_unexpected_error)


def _openapi(original: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Add the problem document to the components; FastAPI would call it application/json."""
    document = original()
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = document["components"]["schemas"]
    schemas.update(schema.pop("$defs", {}))
    schemas["Problem"] = schema
    return document


class ProblemAnswer(JSONResponse):
    """A problem document; notes its code in the request's scope, where it is counted by it."""

    media_type = PROBLEM_JSON

    def __init__(self, document: dict[str, Any], status: int) -> None:
        super().__init__(document, status)
        self._code: str = document["code"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        scope[PROBLEM_CODE] = self._code
        await super().__call__(scope, receive, send)


def problem(
    status: int, code: str, title: str, detail: str, members: dict[str, Any] | None = None
) -> JSONResponse:
    """Return an RFC 9457 problem document."""
    document = {
        "type": f"urn:model-registry:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **(members or {}),
    }
    return ProblemAnswer(document, status)


def problem_of(error: RegistryError) -> JSONResponse:
    """Return an error as the problem document that it is answered with."""
    answer = problem(error.status, error.code, error.title, error.detail, error.members)
    if isinstance(error, Unauthenticated):
        answer.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Unavailable | TooManyRequests):
        answer.headers["Retry-After"] = str(error.retry_after_seconds)
    return answer


async def _on_registry_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RegistryError)  # noqa: S101 - Starlette's type is wider
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning(
            "request failed", path=request.scope["path"], code=error.code, detail=str(error)
        )
    return problem_of(error)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - Starlette's type is wider
    errors = [_explained(item) for item in error.errors()[:MOST_TOLD]]
    detail = "; ".join(f"{item['field']}: {item['rule']}" for item in errors[:5])
    return problem(422, "invalid_request", "Invalid request", detail, {"errors": errors})


def _explained(item: Mapping[str, Any]) -> dict[str, str]:
    """Name the field as the user wrote it, `files.0.path`, and the rule that it breaks."""
    if item["type"] == "json_invalid":
        place = item["loc"][-1]
        return {"field": "body", "rule": f"must be JSON: {item['ctx']['error']} at byte {place}"}
    parts = [str(part) for part in item["loc"]]
    field = ".".join(parts[1:]) or parts[0]
    return {"field": field, "rule": item["msg"].removeprefix("Value error, ")}


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette's type is wider
    status = HTTPStatus(error.status_code)
    answer = problem(
        status, status.phrase.lower().replace(" ", "_"), status.phrase, str(error.detail)
    )
    answer.headers.update(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(_allowed_methods(request) or ["GET"])
    return answer


def _allowed_methods(request: Request) -> list[str]:
    """Name the methods of every route at this path: Starlette names those of the first alone."""
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    found: set[str] = set()
    for template, operations in paths.items():
        pattern, _, _ = compile_path(template)
        # Not request.url: it is built with the Host header, in which anything may stand.
        if pattern.match(request.scope["path"]):
            found |= {method.upper() for method in operations}
    return sorted(found)


async def _on_unexpected_error(request: Request, error: Exception) -> Response:
    log.error("unexpected error", path=request.scope["path"], exc_info=error)
    return problem(500, "internal_error", "Internal error", "the service failed; see its log")
