"""Forms are read within bounds; those of other sites are refused, whatever a page there sends."""

import threading
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest
from fastapi import Request

from services.query.ui import forms
from services.query.ui.forms import MAX_BYTES, READ_AT_ONCE_BYTES, read_form, require_own_site
from shared.domain.errors import Denied, InvalidRequest

HOST = "query.example:8443"


def request(public: str = f"https://{HOST}", **headers: str) -> Request:
    sent = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
    context = SimpleNamespace(settings=SimpleNamespace(query_url=public))
    raw = [(name.encode(), value.encode()) for name, value in sent.items() if value != "absent"]
    return Request({"type": "http", "headers": raw, "state": {"context": context}})


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "Same-Origin, cross-site", "null"])
def test_a_browser_that_names_another_site_is_refused(site: str) -> None:
    with pytest.raises(Denied):
        require_own_site(request(sec_fetch_site=site))
    with pytest.raises(Denied):  # whatever the origin says
        require_own_site(request(sec_fetch_site=site, origin=f"https://{HOST}"))


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "", "https://", "//", "https://evil.example", f"https://{HOST}.evil.example"),
        *(f"https://evil.example#{HOST}", f"https://{HOST}@evil.example", "https://[", HOST),
        *("https://query.example", f"https://evil.{HOST}", f"http://{HOST}", f"ftp://{HOST}"),
    ],
)
def test_an_older_browser_that_names_another_origin_is_refused(origin: str) -> None:
    with pytest.raises(Denied):
        require_own_site(request(origin=origin))


@pytest.mark.parametrize("host", ["", "absent"])
def test_an_origin_of_nothing_is_not_that_of_a_request_without_a_host(host: str) -> None:
    with pytest.raises(Denied):
        require_own_site(request(host=host, origin="null"))


def test_a_page_of_ours_and_a_client_that_is_no_browser_are_heard() -> None:
    require_own_site(request(sec_fetch_site="same-origin", origin="null"))
    require_own_site(request(sec_fetch_site="none"))
    require_own_site(request(origin=f"https://{HOST}"))
    require_own_site(request(public=f"http://{HOST}", origin=f"http://{HOST}"))
    require_own_site(request())


def sent(body: bytes) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "headers": []}, receive)


async def test_of_a_field_that_stands_twice_the_last_one_counts() -> None:
    assert await read_form(sent(b"a=1&b=&a=2&c=%00%ff")) == {"a": "2", "b": "", "c": "\0\ufffd"}


@pytest.mark.parametrize("body", [b"a" * (MAX_BYTES + 1), b"\xff", b"&".join([b"a=1"] * 21)])
async def test_a_form_beyond_its_bounds_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        await read_form(sent(body))


async def test_a_large_form_holds_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[int] = []

    def noted(*given: Any, **named: Any) -> Any:
        readers.append(threading.get_ident())
        return parse_qs(*given, **named)

    monkeypatch.setattr(forms, "parse_qs", noted)
    for length in (READ_AT_ONCE_BYTES, READ_AT_ONCE_BYTES + 1):
        text = "%" * (length - 2)
        assert await read_form(sent(b"a=" + text.encode())) == {"a": text}
    here = threading.get_ident()
    assert [each == here for each in readers] == [True, False]
