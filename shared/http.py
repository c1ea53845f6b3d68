"""What both HTTP services share: problem documents, discovery, health, the body limit."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.schemas import Discovery, EventsAddress, Problem
from shared.database import DatabaseError
from shared.errors import PayloadTooLarge, RegistryError, TooManyRequests, Unavailable
from shared.logs import get_logger
from shared.settings import Settings

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_DISCARDED_BYTES = 16 * MAX_BODY_BYTES
PROBLEM_JSON = "application/problem+json"
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


class DatabaseUnavailable(Unavailable):
    """MongoDB does not answer."""

    def __init__(self) -> None:
        super().__init__("database_unavailable", "the database is unavailable; try again")


def add_shared_parts(
    app: FastAPI, settings: Settings, ready: Callable[[Request], Awaitable[list[str]]]
) -> None:
    """Give a service its problem documents, discovery and health routes.

    `ready` returns what the service waits for; nothing means ready.
    """
    app.openapi = partial(_openapi, app.openapi)
    app.add_middleware(BodyLimit)
    app.add_exception_handler(RegistryError, _on_registry_error)
    app.add_exception_handler(DatabaseError, _on_database_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_unexpected_error)

    @app.get("/v1", summary="Addresses of both services and of the event topic")
    async def discover() -> Discovery:
        return Discovery(
            ingest_url=settings.ingest_url,
            query_url=settings.query_url,
            events=EventsAddress(
                bootstrap_servers=settings.events_bootstrap_servers,
                topic=settings.kafka_model_events_topic,
            ),
        )

    @app.get("/health/live", summary="The process runs")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/health/ready", summary="The process can do its work now")
    async def readiness(request: Request) -> Response:
        waits_for = await ready(request)
        status = HTTPStatus.SERVICE_UNAVAILABLE if waits_for else HTTPStatus.OK
        return JSONResponse({"waits_for": waits_for}, status)


def _openapi(original: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Add the problem document to the components; FastAPI would call it application/json."""
    document = original()
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = document["components"]["schemas"]
    schemas.update(schema.pop("$defs", {}))
    schemas["Problem"] = schema
    return document


class BodyLimit:
    """Refuses request bodies over 4 MiB, by their declared length or as they arrive.

    What is over the limit is read and thrown away before the answer, so that a client that is
    still sending gets to read it; past 64 MiB the connection is simply closed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its whole body in one message."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):  # no route reads a body
            await self._app(scope, receive, send)
            return
        body = bytearray()
        received = 0
        more = True
        while more and received <= MAX_DISCARDED_BYTES:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client is gone
            received += len(message.get("body", b""))
            if received <= MAX_BODY_BYTES:
                body += message.get("body", b"")
            more = message.get("more_body", False)
        if received > MAX_BODY_BYTES:
            detail = f"the body must be at most {MAX_BODY_BYTES} bytes"
            await problem_of(PayloadTooLarge("body_too_large", detail))(scope, receive, send)
            return
        pending: list[Message] = [{"type": "http.request", "body": bytes(body)}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self._app(scope, replay, send)


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
    return JSONResponse(document, status, media_type=PROBLEM_JSON)


def problem_of(error: RegistryError) -> JSONResponse:
    """Return an error as the problem document that it is answered with."""
    answer = problem(error.status, error.code, error.title, error.detail, error.members)
    if isinstance(error, Unavailable | TooManyRequests):
        answer.headers["Retry-After"] = str(error.retry_after_seconds)
    return answer


async def _on_registry_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RegistryError)  # noqa: S101 - Starlette's type is wider
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request failed", path=request.url.path, code=error.code, detail=error.detail)
    return problem_of(error)


async def _on_database_error(request: Request, error: Exception) -> Response:
    log.warning("database failed", path=request.url.path, error=type(error).__name__)
    return problem_of(DatabaseUnavailable())


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - Starlette's type is wider
    errors = [_explained(item) for item in error.errors()]
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
    return answer


async def _on_unexpected_error(request: Request, error: Exception) -> Response:
    log.error("unexpected error", path=request.url.path, exc_info=error)
    return problem(500, "internal_error", "Internal error", "the service failed; see its log")
