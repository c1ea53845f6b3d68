"""Requests that mean the same have one digest, and requests that differ have two."""

import hashlib
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.schemas import UploadRequest
from registry.schemas.links import LineageRequest
from services.ingest.uploads.request_digest import is_same_request, request_digest

BASE: dict[str, Any] = {
    "model": "churn",
    "files": [{"path": "model.bin", "size_bytes": 5}],
    "metrics": {"auc": 0.5, "f1": 1.0},
    "parameters": {"depth": 3, "nested": {"a": [1, 2.5], "b": None}},
    "tags": {"team": "growth"},
}
names = st.text("abcdef", min_size=1, max_size=6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
metadata = st.fixed_dictionaries(
    {},
    optional={
        "metrics": st.dictionaries(names, st.floats(allow_nan=False, allow_infinity=False)),
        "parameters": st.dictionaries(names, json_values, max_size=4),
        "properties": st.dictionaries(names, json_values, max_size=4),
        "tags": st.dictionaries(names, st.text(max_size=5)),
        "description": st.text(max_size=5),
    },
)


def digest(request: dict[str, Any]) -> str:
    return request_digest(UploadRequest.model_validate_json(json.dumps(request)))


def shuffled(value: Any, order: random.Random) -> Any:
    """The same value, its names in another order at every depth."""
    if isinstance(value, dict):
        items: list[tuple[str, Any]] = list(value.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        order.shuffle(items)
        return {name: shuffled(each, order) for name, each in items}
    if isinstance(value, list):
        return [shuffled(each, order) for each in value]  # pyright: ignore[reportUnknownVariableType]
    return value


@given(metadata, st.randoms(use_true_random=False))
def test_the_order_of_names_does_not_count(said: dict[str, Any], order: random.Random) -> None:
    request = {**BASE, **said}
    assert digest(shuffled(request, order)) == digest(request)


@given(metadata, metadata)
def test_requests_that_say_something_else_differ(one: dict[str, Any], two: dict[str, Any]) -> None:
    first = UploadRequest.model_validate({**BASE, **one})
    second = UploadRequest.model_validate({**BASE, **two})
    assert (request_digest(first) == request_digest(second)) == (_typed(first) == _typed(second))


def _typed(request: UploadRequest) -> Any:
    """What a request says, with `true` told from 1, which Python holds for equal."""

    def typed(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: typed(each) for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, list):
            return [typed(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
        return isinstance(value, bool), value

    return typed(request.model_dump(mode="json"))


@pytest.mark.parametrize(
    "written",
    [
        {"version": None},
        {"storage_group": None, "client_id": None},
        {"description": "", "framework": "", "properties": {}},
        {"files": [{"path": "model.bin", "size_bytes": 5, "sha256": None}]},
        {"metrics": {"f1": 1, "auc": 5e-1}},
        {"parameters": {"depth": 3.0, "nested": {"a": [1.0, 2.5], "b": None}}},
    ],
)
def test_defaults_and_numbers_may_be_written_otherwise(written: dict[str, Any]) -> None:
    assert digest({**BASE, **written}) == digest(BASE)


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "other"},
        {"version": "1.0"},
        {"description": "x"},
        {"metrics": {"auc": 0.5}},
        {"metrics": {"auc": 0.5, "f1": 1.5}},
        {"parameters": {"depth": 3, "nested": {"a": [2.5, 1], "b": None}}},
        {"parameters": {"depth": 3, "nested": {"a": [1, 2.5]}}},
        {"parameters": {"depth": True, "nested": {"a": [1, 2.5], "b": None}}},
        {"files": [{"path": "model.bin", "size_bytes": 6}]},
    ],
)
def test_another_request_has_another_digest(changed: dict[str, Any]) -> None:
    assert digest({**BASE, **changed}) != digest(BASE)


def test_a_digest_of_an_earlier_release_is_still_that_of_its_request() -> None:
    request = UploadRequest.model_validate(BASE)
    said = request.model_dump_json(exclude={"lineage"})  # which it did not know
    earlier = hashlib.sha256(said.encode()).hexdigest()
    assert is_same_request(request, earlier)
    more = request.model_copy(update={"lineage": LineageRequest()})
    assert not is_same_request(more, earlier)
    assert is_same_request(request, request_digest(request))
    other = UploadRequest.model_validate({**BASE, "model": "other"})
    assert not is_same_request(other, earlier)


class NewerRequest(UploadRequest):
    """The request of a release that knows one field more."""

    licence: str | None = None


def test_a_field_of_a_newer_release_changes_nothing_where_it_is_not_used() -> None:
    old, new = UploadRequest.model_validate(BASE), NewerRequest.model_validate(BASE)
    assert request_digest(new) == request_digest(old)
    used = NewerRequest.model_validate({**BASE, "licence": "MIT"})
    assert request_digest(used) != request_digest(old)
