"""Which paths are pages, and where signing in may lead."""

import pytest

from services.query.ui.paths import is_page, own_headers, safe_target


@pytest.mark.parametrize("path", ["/", "/ui", "/ui/", "/ui/models/resolve", "/ui/nothing"])
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
    ],
)
def test_signing_in_leads_nowhere_else(target: str) -> None:
    assert safe_target(target) == "/ui/"
