"""Which session a request's cookies name."""

from types import SimpleNamespace
from typing import Any

import pytest

from services.query.ui.entrance import session_of
from shared.domain.access.browser_sessions import SessionText
from tests.support.isolation import SETTINGS

OURS, THEIRS = "a" * 64, "b" * 64
SECURE = SETTINGS.model_copy(update={"query_public_url": "https://registry.example"})


def session(*cookies: str) -> SessionText | None:
    headers = [(b"cookie", each.encode()) for each in cookies]
    state: dict[str, Any] = {"context": SimpleNamespace(settings=SECURE)}
    return session_of({"type": "http", "path": "/ui/", "headers": headers, "state": state})


@pytest.mark.parametrize(
    "cookies",
    [
        [f"__Host-mr_session={OURS}"],
        [f"__Host-mr_session={OURS}; foo=x __Host-mr_session={THEIRS}"],
        [f"foo=x __Host-mr_session={THEIRS}; __Host-mr_session={OURS}"],
        [f'version=1; a[b]=1; pref={{"a":"b c"}}; __Host-mr_session={OURS}'],
        ["version=1", f"__Host-mr_session={OURS}"],
    ],
)
def test_no_other_cookie_takes_its_place_or_hides_it(cookies: list[str]) -> None:
    found = session(*cookies)
    assert found is not None
    assert found.secret == OURS


def test_what_is_not_sent_by_https_alone_is_no_session_there() -> None:
    assert session(f"mr_session={OURS}") is None
