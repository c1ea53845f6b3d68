"""What the text of a refusal tells a person."""

import pytest

from registry.errors import FieldError, InvalidRequestError

NAME = FieldError("model", "must not be empty")
SIZE = FieldError("files.0.size_bytes", "must be at least 0")


@pytest.mark.parametrize(
    ("detail", "errors", "text"),
    [
        ("model must not be empty", (NAME,), "model must not be empty"),
        (
            "2 fields break a rule",
            (NAME, SIZE),
            "2 fields break a rule (model: must not be empty;"
            " files.0.size_bytes: must be at least 0)",
        ),
        (
            "model must not be empty",
            (NAME, SIZE),
            "model must not be empty (files.0.size_bytes: must be at least 0)",
        ),
        ("the body is no JSON", (), "the body is no JSON"),
    ],
)
def test_each_broken_rule_is_told_once(
    detail: str, errors: tuple[FieldError, ...], text: str
) -> None:
    error = InvalidRequestError(detail, code="invalid_request", status=422, errors=errors)
    assert str(error) == text
    assert error.errors == errors
