"""What a version was made from is written short or whole, and means one thing."""

from typing import Any

import pytest
from pydantic import ValidationError

from registry.schemas.links import (
    MAX_LINKS,
    CodeRequest,
    DatasetRequest,
    LineageRequest,
    ParentRequest,
    RunRequest,
    check_link_id,
)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("base@3", {"model": "base", "version": 3}),
        ("team.base@production", {"model": "team.base", "version": "@production"}),
        ("hf://org/model", {"uri": "hf://org/model"}),
        ("https://host/m@3", {"uri": "https://host/m@3"}),
        ("urn:model:1", {"uri": "urn:model:1"}),
        ({"model": "base", "version": "1.0"}, {"model": "base", "version": "1.0"}),
        ({"model": "base", "version": "7"}, {"model": "base", "version": 7}),
        (
            {"uri": "s3://b/k", "relation": "Fine-Tuned"},
            {"uri": "s3://b/k", "relation": "fine_tuned"},
        ),
        (
            {"uri": "s3://b/k", "relation": "quantized"},
            {"uri": "s3://b/k", "relation": "quantised"},
        ),
    ],
)
def test_a_parent_is_a_version_here_or_a_uri(told: Any, expected: dict[str, Any]) -> None:
    found = ParentRequest.model_validate(told)
    assert found.model_dump(exclude_defaults=True) == expected


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ("base", "must be a URI"),
        ("base@latest", "must not be 'latest'"),
        ("base@" + "9" * 5000, "all digits"),
        ("base@v3", "must not be 'latest' or v and a number"),
        ({"model": "base"}, "must name a model and its version, or a uri"),
        ({"version": 3}, "must name a model and its version, or a uri"),
        ({"model": "base", "version": 3, "uri": "s3://b"}, "must name a model and its version"),
        ({}, "must name a model and its version, or a uri"),
        ({"uri": "s3://b", "relation": "trained_on"}, "derived"),
        ({"uri": "no uri"}, "must be a URI"),
        ({"uri": "s3://white space"}, "must be a URI"),
        ({"uri": "s3://b\x1b[31m"}, "must be a URI"),
        ({"uri": "https://user:secret@host/x"}, "must carry no password"),
        ({"uri": "https://[host/x"}, "must be a URI"),
        ({"uri": "s3://" + "b" * 1024}, "at most 1024 characters"),
    ],
)
def test_any_other_parent_is_refused(told: Any, rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        ParentRequest.model_validate(told)


def test_data_sets_runs_and_code_may_be_texts() -> None:
    assert DatasetRequest.model_validate("s3://data") == DatasetRequest(uri="s3://data")
    assert RunRequest.model_validate("a1b2") == RunRequest(id="a1b2")
    assert RunRequest.model_validate("https://runs/1") == RunRequest(uri="https://runs/1")
    assert CodeRequest.model_validate("https://git/x@5f0c") == CodeRequest(
        uri="https://git/x", revision="5f0c"
    )
    for whole in ("https://git/x", "ssh://git@host/repository"):
        assert CodeRequest.model_validate(whole) == CodeRequest(uri=whole)


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"datasets": [{"uri": "s3://b", "digest": "no digest"}]}, "datasets.0.digest"),
        ({"datasets": [{"uri": "s3://b", "name": "a\x1bb"}]}, "datasets.0.name"),
        ({"run": {}}, "run"),
        ({"code": {"revision": "5f0c"}}, "code.uri"),
        ({"parents": ["s3://b"] * 60, "datasets": ["s3://b"] * 60}, ""),
        ({"parents": ["s3://b"] * (MAX_LINKS + 1)}, "parents"),
        ({"author": "me"}, "author"),
    ],
)
def test_what_breaks_a_rule_is_named(told: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LineageRequest.model_validate(told)
    assert ".".join(map(str, caught.value.errors()[0]["loc"])) == field


@pytest.mark.parametrize("text", ["", "0" * 15, "0" * 17, "G" * 16, "0" * 15 + "\n"])
def test_an_id_of_a_link_is_sixteen_hexadecimal_digits(text: str) -> None:
    with pytest.raises(ValueError, match="16 hexadecimal digits"):
        check_link_id(text)
