"""Errors as clients of Hugging Face read them."""

import json

import pytest

from services.query.hub.errors import is_hub_path, word_error
from shared.web.dialects import Failure


@pytest.mark.parametrize(
    ("status", "code", "told", "answered"),
    [
        (404, "model_not_found", "RepoNotFound", 404),
        (404, "version_not_found", "RevisionNotFound", 404),
        (404, "version_not_ready", "RevisionNotFound", 404),
        (404, "no_ready_version", "RevisionNotFound", 404),
        (404, "file_not_found", "EntryNotFound", 404),
        (404, "not_found", "RepoNotFound", 404),
        (401, "unauthenticated", "RepoNotFound", 401),
        (403, "forbidden", "GatedRepo", 403),
        (422, "invalid_request", None, 400),
        (429, "rate_limited", None, 429),
        (503, "database_unavailable", None, 503),
        (500, "internal_error", None, 500),
    ],
)
def test_what_is_missing_is_told_by_its_code(
    status: int, code: str, told: str | None, answered: int
) -> None:
    answer = word_error(Failure(status, code, "why"))
    assert (answer.status_code, answer.headers.get("x-error-code")) == (answered, told)
    assert answer.headers["x-error-message"] == "why"
    assert json.loads(bytes(answer.body))["error"] == "why"
    assert "x-repo-commit" not in answer.headers


@pytest.mark.parametrize(("grant", "told"), [("reader:churn", "GatedRepo"), ("writer:churn", None)])
def test_who_may_not_write_meets_no_gate(grant: str, told: str | None) -> None:
    answer = word_error(Failure(403, "forbidden", "why", {"missing_grant": grant}))
    assert answer.headers.get("x-error-code") == told


def test_a_commit_that_lacks_a_file_is_named() -> None:
    answer = word_error(Failure(404, "file_not_found", "why", {"commit": "0" * 40}))
    assert answer.headers["x-repo-commit"] == "0" * 40


def test_a_message_fits_into_a_header_whatever_it_says() -> None:
    detail = "größe\r\nX-Other: 1 " + "🚀" * 1000
    answer = word_error(Failure(404, "file_not_found", detail))
    said = answer.headers["x-error-message"]
    assert said.isascii()
    assert said.isprintable()
    assert len(said) <= 2000
    assert json.loads(bytes(answer.body))["error"] == detail


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/models", True),
        ("/api/datasets/a/b", True),
        ("/churn/resolve/main/x", True),
        ("/risk/churn.git/info/lfs/objects/batch", True),
        ("/v1/models", False),
        ("/v2/churn/tags/list", False),
        ("/health/live", False),
    ],
)
def test_their_paths_are_told_from_ours(path: str, expected: bool) -> None:
    assert is_hub_path(path) is expected
