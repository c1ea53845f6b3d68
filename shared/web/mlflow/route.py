"""Errors as MLflow's clients read them: a code of theirs, and a message."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from shared.domain.errors import (
    Conflict,
    Denied,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    RegistryError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from shared.runtime.logs import get_logger
from shared.web.json_body import JsonRoute
from shared.web.problems import problem_of, wrong_fields

PREFIX = "/mlflow/api/2.0"
"""Below which MLflow's clients ask, given MLFLOW_REGISTRY_URI=<query's address>/mlflow."""
MODEL_EXISTS = "model_exists"
_HEADERS = ("WWW-Authenticate", "Retry-After")
_INVALID = ("INVALID_PARAMETER_VALUE", 400)
# Names and statuses: ERROR_CODE_TO_HTTP_STATUS in mlflow/exceptions.py. An older client knows the
# names of `mlflow/protos/databricks.proto` alone, which has had all of these since 1.0.
_CODES: Sequence[tuple[type[RegistryError], tuple[str, int]]] = (
    (InvalidRequest, _INVALID),
    (Unauthenticated, ("UNAUTHENTICATED", 401)),
    (Denied, ("PERMISSION_DENIED", 403)),
    (NotFound, ("RESOURCE_DOES_NOT_EXIST", 404)),
    (Conflict, ("RESOURCE_CONFLICT", 409)),
    (PreconditionFailed, ("RESOURCE_CONFLICT", 412)),
    (TooManyRequests, ("REQUEST_LIMIT_EXCEEDED", 429)),
    (Unavailable, ("TEMPORARILY_UNAVAILABLE", 503)),
)

log = get_logger(__name__)


class MlflowRoute(JsonRoute):
    """A route whose errors are MLflow's: `{"error_code": ..., "message": ...}`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, which answers every error of the registry's itself."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except RegistryError as error:
                if isinstance(error, Unavailable):
                    path = request.scope["path"]
                    log.warning("request failed", path=path, code=error.code, detail=str(error))
                return _answer(error)
            except RequestValidationError as error:
                wrong = wrong_fields(error)
                told = "; ".join(f"{each['field']}: {each['rule']}" for each in wrong[:5])
                return _told(_INVALID, told, {"errors": wrong})

        return handle


def _answer(error: RegistryError) -> JSONResponse:
    found = [named for kind, named in _CODES if isinstance(error, kind)]
    named = found[0] if found else ("BAD_REQUEST", error.status)
    if error.code == MODEL_EXISTS:
        named = ("RESOURCE_ALREADY_EXISTS", 400)
    answer = _told(named, error.detail, error.members)
    headers = problem_of(error).headers
    answer.headers.update({each: headers[each] for each in _HEADERS if each in headers})
    return answer


def _told(named: tuple[str, int], message: str, members: dict[str, Any]) -> JSONResponse:
    code, status = named
    return JSONResponse({"error_code": code, "message": message, **members}, status)
