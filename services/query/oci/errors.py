"""Errors and credentials as OCI clients know them (distribution spec, "Error Codes")."""

import base64
import binascii
from http import HTTPStatus

from fastapi.responses import JSONResponse, Response

from shared.web.dialects import Dialect, Failure

NAME_INVALID = "name_invalid"
TAG_INVALID = "tag_invalid"
DIGEST_INVALID = "digest_invalid"
BLOB_UNKNOWN = "blob_not_found"
_CODES = {
    NAME_INVALID: "NAME_INVALID",
    TAG_INVALID: "MANIFEST_INVALID",
    DIGEST_INVALID: "DIGEST_INVALID",
    BLOB_UNKNOWN: "BLOB_UNKNOWN",
    "model_not_found": "NAME_UNKNOWN",
    "version_not_found": "MANIFEST_UNKNOWN",
    "version_not_ready": "MANIFEST_UNKNOWN",
    "not_found": "UNSUPPORTED",
}
_CODES_OF_STATUS = {
    HTTPStatus.UNAUTHORIZED: "UNAUTHORIZED",
    HTTPStatus.FORBIDDEN: "DENIED",
    HTTPStatus.METHOD_NOT_ALLOWED: "UNSUPPORTED",
    HTTPStatus.TOO_MANY_REQUESTS: "TOOMANYREQUESTS",
    HTTPStatus.SERVICE_UNAVAILABLE: "UNAVAILABLE",
}


def is_oci_path(path: str) -> bool:
    """Whether such a client asks for this path."""
    return path.startswith("/v2/") or path == "/v2"


def word_error(failure: Failure) -> Response:
    """Return an error as such a client reads it."""
    status = failure.status
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        status = HTTPStatus.BAD_REQUEST
    code = _CODES.get(failure.code) or _CODES_OF_STATUS.get(HTTPStatus(status), "UNKNOWN")
    answer = JSONResponse({"errors": [{"code": code, "message": failure.detail}]}, status)
    if status == HTTPStatus.UNAUTHORIZED:
        # Asked so, a client sends what it was logged in with, without another service for tokens.
        answer.headers["WWW-Authenticate"] = 'Basic realm="model registry"'
    return answer


def bearer_of_basic(authorization: str) -> str:
    """Return a header of user and password as one of a token: the password is the token."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return authorization
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return authorization
    return f"Bearer {text.partition(':')[2]}"


OCI = Dialect(is_oci_path, word_error, bearer_of_basic)
