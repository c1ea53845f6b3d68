"""Which paths are pages, and where signing in may lead."""

import pytest

from services.query.ui.paths import (
    PAGE_HEADERS,
    headers_towards,
    is_asked_by_script,
    is_page,
    is_upload_page,
    own_headers,
    safe_target,
)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/ui",
        "/ui/",
        "/ui/models/resolve",
        "/ui/nothing",
        "/ui/models/churn/aliases/resolve/move",
    ],
)
def test_pages(path: str) -> None:
    assert is_page(path)
    assert b"content-security-policy" in own_headers(path)


@pytest.mark.parametrize(
    "path", ["/v1", "/api/models", "/uix", "/ui/resolve/main/a.bin", "/ui/churn/resolve/1/b"]
)
def test_paths_of_other_clients_are_no_pages(path: str) -> None:
    assert not is_page(path)
    assert own_headers(path) == frozenset()


@pytest.mark.parametrize("target", ["/ui/", "/ui/models?kind=versions&filter=a%20%3D%201"])
def test_signing_in_leads_back(target: str) -> None:
    assert safe_target(target) == target


@pytest.mark.parametrize(
    "target",
    [
        *("", "//evil", "https://evil", "/ui", "/ui/../v1", "/ui/\\evil", "/ui/\r\nx: y", "/v1"),
        *("/ui/sign-in?next=/ui/", "/ui/sign-out", "/ui/" + "a" * 5000, "/ui/é"),
        "/ui/%2E%2e/v1/x",
    ],
)
def test_signing_in_leads_nowhere_else(target: str) -> None:
    assert safe_target(target) == "/ui/"


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("/ui/upload", True),
        ("/ui/models/churn/upload", True),
        ("/ui/models/upload", False),
        ("/ui/models/churn/versions/upload", False),
        ("/ui/upload/", False),
        ("/ui/uploads", False),
    ],
)
def test_pages_that_may_send_to_storage(path: str, is_one: bool) -> None:
    assert is_upload_page(path) is is_one


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("/ui/uploads", True),
        ("/ui/uploads/1-2/parts", True),
        ("/ui/upload", False),
        ("/ui/uploads.churn/resolve/main/a.bin", False),
        ("/ui/uploads/resolve/main/a.bin", False),
    ],
)
def test_what_the_upload_page_asks(path: str, is_one: bool) -> None:
    assert is_asked_by_script(path) is is_one


def test_a_page_that_may_send_to_storage_may_do_nothing_else_besides() -> None:
    name = "content-security-policy"
    towards = headers_towards("https://storage.example")
    assert towards[name].replace(" https://storage.example", "") == PAGE_HEADERS[name]
    assert towards[name].count("https://storage.example") == 1
    assert {**towards, name: PAGE_HEADERS[name]} == PAGE_HEADERS
