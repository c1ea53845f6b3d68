"""Errors as MLflow's clients read them: `{"error_code": ..., "message": ...}`."""

from http import HTTPStatus

from fastapi.responses import JSONResponse, Response

from shared.web.dialects import Dialect, Failure

PREFIX = "/mlflow/api/2.0"
"""Below which MLflow's clients ask, given MLFLOW_REGISTRY_URI=<query's address>/mlflow."""
# Names and statuses: ERROR_CODE_TO_HTTP_STATUS in mlflow/exceptions.py. An older client knows the
# names of `mlflow/protos/databricks.proto` alone, which has had all of these since 1.0.
_NAMES = {
    HTTPStatus.UNPROCESSABLE_ENTITY: "INVALID_PARAMETER_VALUE",
    HTTPStatus.UNAUTHORIZED: "UNAUTHENTICATED",
    HTTPStatus.FORBIDDEN: "PERMISSION_DENIED",
    HTTPStatus.NOT_FOUND: "RESOURCE_DOES_NOT_EXIST",
    HTTPStatus.METHOD_NOT_ALLOWED: "ENDPOINT_NOT_FOUND",
    HTTPStatus.CONFLICT: "RESOURCE_CONFLICT",
    HTTPStatus.PRECONDITION_FAILED: "RESOURCE_CONFLICT",
    HTTPStatus.TOO_MANY_REQUESTS: "REQUEST_LIMIT_EXCEEDED",
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL_ERROR",
    HTTPStatus.SERVICE_UNAVAILABLE: "TEMPORARILY_UNAVAILABLE",
}
_NAMES_OF_CODES = {"model_exists": "RESOURCE_ALREADY_EXISTS", "not_found": "ENDPOINT_NOT_FOUND"}
_AS_BAD_REQUEST = ("INVALID_PARAMETER_VALUE", "RESOURCE_ALREADY_EXISTS")
_MEMBERS = ("errors", "missing_grant", "rules")
"""Of a problem document, what is told beside its reason."""


def is_mlflow_path(path: str) -> bool:
    """Whether such a client asks for this path."""
    return path == "/mlflow" or path.startswith("/mlflow/")


def word_error(failure: Failure) -> Response:
    """Return an error as such a client reads it."""
    status = failure.status
    name = _NAMES_OF_CODES.get(failure.code) or _NAMES.get(HTTPStatus(status), "BAD_REQUEST")
    if name in _AS_BAD_REQUEST:
        status = HTTPStatus.BAD_REQUEST
    members = {each: failure.members[each] for each in _MEMBERS if each in failure.members}
    return JSONResponse({"error_code": name, "message": failure.detail, **members}, status)


MLFLOW = Dialect(is_mlflow_path, word_error)
