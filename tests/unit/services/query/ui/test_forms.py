"""Forms of other sites are refused, whatever a page there can have a browser send."""

from types import SimpleNamespace

import pytest
from fastapi import Request

from services.query.ui.forms import require_own_site
from shared.domain.errors import Denied

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
