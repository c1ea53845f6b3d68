"""Paths that a body asks for, as a form or as JSON."""

import json
from urllib.parse import urlencode

import pytest

from services.query.hub.asked import FORM, MOST_PATHS, asked_paths
from shared.domain.errors import InvalidRequest

JSON = "application/json; charset=utf-8"


def test_a_form_and_json_say_the_same() -> None:
    paths = ["a b/ä&=.bin", "c"]
    for expand in (True, False):
        form = urlencode({"paths": paths, "expand": expand}, doseq=True).encode()
        document = json.dumps({"paths": paths, "expand": expand}).encode()
        assert asked_paths(form, FORM) == asked_paths(document, JSON) == (paths, expand)
    assert asked_paths(b"paths=a&expand=true", FORM) == (["a"], True), "as httpx writes it"
    assert asked_paths(b'{"paths": "a"}', JSON) == (["a"], False)


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        (b"", FORM, "paths"),
        (b"", JSON, "body"),
        (b"{", JSON, "body"),
        (b"\xff", FORM, "body"),
        (b"nothing", FORM, "body"),
        (b"expand=true", FORM, "paths"),
        (b'{"paths": []}', JSON, "paths"),
        (b'{"paths": [1]}', JSON, "paths"),
        (b'{"paths": ["a", 1]}', JSON, "paths"),
        (b'{"paths": {"a": 1}}', JSON, "paths"),
        (b'{"paths": ["a"], "paths": ["b"]}', JSON, "body"),
        (b"&".join([b"paths=a"] * (MOST_PATHS + 1)), FORM, "paths"),
        (b"&".join([b"paths=a"] * (3 * MOST_PATHS)), FORM, "body"),
    ],
)
def test_what_names_no_paths_is_refused(body: bytes, kind: str, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked_paths(body, kind)
    assert caught.value.members["errors"][0]["field"] == field  # pyright: ignore
