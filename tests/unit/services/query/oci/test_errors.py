"""Errors and credentials as OCI clients know them."""

import base64
import json

import pytest

from services.query.oci.errors import bearer_of_basic, is_oci_path, word_error
from shared.web.dialects import Failure


@pytest.mark.parametrize(
    ("status", "code", "told", "answered"),
    [
        (404, "model_not_found", "NAME_UNKNOWN", 404),
        (404, "version_not_found", "MANIFEST_UNKNOWN", 404),
        (404, "version_not_ready", "MANIFEST_UNKNOWN", 404),
        (404, "blob_not_found", "BLOB_UNKNOWN", 404),
        (422, "name_invalid", "NAME_INVALID", 400),
        (422, "digest_invalid", "DIGEST_INVALID", 400),
        (404, "not_found", "UNSUPPORTED", 404),
        (405, "method_not_allowed", "UNSUPPORTED", 405),
        (403, "forbidden", "DENIED", 403),
        (429, "rate_limited", "TOOMANYREQUESTS", 429),
        (503, "digest_unconfirmed", "UNAVAILABLE", 503),
        (500, "internal_error", "UNKNOWN", 500),
    ],
)
def test_an_error_has_a_code_of_the_specification(
    status: int, code: str, told: str, answered: int
) -> None:
    answer = word_error(Failure(status, code, "why"))
    assert answer.status_code == answered
    assert json.loads(bytes(answer.body)) == {"errors": [{"code": told, "message": "why"}]}
    assert "www-authenticate" not in answer.headers


def test_who_brings_no_credential_is_asked_for_user_and_password() -> None:
    answer = word_error(Failure(401, "unauthenticated", "why"))
    assert answer.headers["www-authenticate"] == 'Basic realm="model registry"'


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (basic("anybody:mr_token"), "Bearer mr_token"),
        (basic(":mr:token"), "Bearer mr:token"),
        (basic("anybody"), "Bearer "),
        ("basic " + basic("u:t").partition(" ")[2], "Bearer t"),
        ("Basic %%%", "Basic %%%"),
        ("Bearer mr_token", "Bearer mr_token"),
        ("", ""),
    ],
)
def test_the_password_is_the_token(given: str, read: str) -> None:
    assert bearer_of_basic(given) == read


@pytest.mark.parametrize(
    ("path", "expected"), [("/v2/", True), ("/v2", True), ("/v2/a/b", True), ("/v1/v2/", False)]
)
def test_their_paths_are_told_from_ours(path: str, expected: bool) -> None:
    assert is_oci_path(path) is expected
