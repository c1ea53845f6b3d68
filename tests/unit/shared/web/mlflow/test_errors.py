"""Errors as MLflow's clients read them."""

import json
from typing import Any

import pytest

from shared.web.dialects import Failure
from shared.web.mlflow.errors import is_mlflow_path, word_error


@pytest.mark.parametrize(
    ("status", "code", "name", "told_status"),
    [
        (404, "model_not_found", "RESOURCE_DOES_NOT_EXIST", 404),
        (404, "not_found", "ENDPOINT_NOT_FOUND", 404),
        (405, "method_not_allowed", "ENDPOINT_NOT_FOUND", 405),
        (409, "model_exists", "RESOURCE_ALREADY_EXISTS", 400),
        (409, "too_many_aliases", "RESOURCE_CONFLICT", 409),
        (422, "invalid_request", "INVALID_PARAMETER_VALUE", 400),
        (401, "unauthenticated", "UNAUTHENTICATED", 401),
        (403, "forbidden", "PERMISSION_DENIED", 403),
        (413, "body_too_large", "BAD_REQUEST", 413),
        (429, "too_many_requests", "REQUEST_LIMIT_EXCEEDED", 429),
        (503, "ingest_unavailable", "TEMPORARILY_UNAVAILABLE", 503),
    ],
)
def test_an_error_has_a_name_that_they_know(
    status: int, code: str, name: str, told_status: int
) -> None:
    answer = word_error(Failure(status, code, "why"))
    assert answer.status_code == told_status
    assert json.loads(bytes(answer.body)) == {"error_code": name, "message": "why"}


def test_wrong_fields_are_named_beside_the_reason() -> None:
    members: dict[str, Any] = {"errors": [{"field": "name", "rule": "too long"}], "type": "urn:x"}
    body = json.loads(bytes(word_error(Failure(422, "invalid_request", "why", members)).body))
    assert body["errors"] == members["errors"]
    assert "type" not in body


@pytest.mark.parametrize(
    ("path", "is_one"), [("/mlflow/api/2.0/x", True), ("/mlflow", True), ("/mlflows", False)]
)
def test_their_paths_are_those_below_mlflow(path: str, is_one: bool) -> None:
    assert is_mlflow_path(path) == is_one
