"""What a refusal looks like: RFC 9457, with a stable code and the fields that break a rule."""

from typing import Any

import httpx


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal of this status and code."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["code"] == code, document
    assert document["status"] == status
    assert document["type"] == f"urn:model-registry:problem:{code}"
    assert document["title"]
    assert document["detail"]
    return document


def broken_rule(answer: httpx.Response, field: str, code: str = "invalid_request") -> str:
    """The rule that the one wrong field of a refused request breaks."""
    [error] = problem(answer, 422, code)["errors"]
    assert error["field"] == field, error
    return error["rule"]
