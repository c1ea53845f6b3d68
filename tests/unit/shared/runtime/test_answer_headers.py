"""Headers of every answer: browsers are told to stay with https where all of a host has it."""

from typing import Any

import pytest

from shared.runtime.answer_headers import FIXED, answer_headers
from tests.support.isolation import SETTINGS

HTTPS = {
    "ingest_public_url": "https://registry.example",
    "query_public_url": "https://registry.example:8443",
    "minio_public_endpoint": "storage.example:9000",
}


def is_told_to_stay(**changes: Any) -> bool:
    headers = answer_headers(SETTINGS.model_copy(update=changes))
    assert headers[: len(FIXED)] == list(FIXED)
    return "strict-transport-security" in dict(headers)


def test_answers_are_no_pages_and_keep_their_type() -> None:
    headers = dict(answer_headers(SETTINGS))
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"


def test_browsers_stay_with_https_where_users_reach_all_of_a_host_by_it() -> None:
    assert is_told_to_stay(**HTTPS)
    assert is_told_to_stay(**HTTPS | {"query_public_url": "http://query.example"})
    assert is_told_to_stay(
        **HTTPS | {"minio_public_endpoint": "registry.example:9000", "minio_secure": True}
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        HTTPS | {"query_public_url": "http://registry.example:8001"},
        HTTPS | {"minio_public_endpoint": "registry.example:9000"},
    ],
    ids=["no https", "query has none", "storage has none"],
)
def test_and_not_where_something_on_the_host_has_none(changes: dict[str, Any]) -> None:
    assert not is_told_to_stay(**changes)
