"""The web page as a browser without scripts meets it: every page, signing in, and who sees what."""

import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from registry.schemas import Version
from registry.schemas.html import show_version
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api, file_of
from tests.support.system import System

CARD = b"""---
license: mit
---
# Churn

<script>alert(1)</script>

[x](javascript:alert(1)) **good**
"""
DATA = b"bytes"
SIGN_IN = "/ui/sign-in"
OF_ITS_OWN = r"<script(?! src=)|<style|<[^>]*\s(style|on\w+)="
"""Scripts and styles that a page has in itself, which its policy forbids."""


@dataclass(frozen=True)
class Browser:
    """Cookies and pages; no header says who asks."""

    client: httpx.AsyncClient

    async def get(self, path: str, **options: object) -> httpx.Response:
        return await self.client.get(path, **options)  # pyright: ignore[reportArgumentType]

    async def sign_in(self, token: str, target: str = "/ui/") -> httpx.Response:
        fields = {"token": token, "next": target}
        return await self.client.post(SIGN_IN, data=fields)

    async def form_key(self) -> str:
        found = re.search(r'name="form_key" value="([0-9a-f]{64})"', (await self.get("/ui/")).text)
        assert found is not None
        return found[1]


@pytest.fixture
async def browser(api: Api) -> AsyncIterator[Browser]:
    """Somebody who is not signed in."""
    async with httpx.AsyncClient(
        base_url=api.query.base_url, trust_env=False, timeout=60
    ) as client:
        yield Browser(client)


@pytest.fixture
async def admin(browser: Browser, settings: Settings) -> Browser:
    """The administrator, signed in."""
    answer = await browser.sign_in(token_of(settings))
    assert answer.status_code == 303, answer.text
    return browser


async def test_a_notebook_shows_of_a_version_what_its_page_does(
    admin: Browser, version: Version
) -> None:
    page = html.unescape((await admin.get(f"/ui/models/{version.model}/versions/1")).text)
    told, files = (
        [html.unescape(each) for each in re.findall(r"<td>(.*?)</td>", table)]
        for table in show_version(version).split("<table>")[1:]
    )
    assert {"state", "created", "ready", "size", "metric auc", "tag team"} <= {*told[::2]}
    assert len(files) == 2 * len(("file", "size", "format", "check", "SHA-256"))
    values = [*told[1::2], *files]
    assert [each for each in values if each.removesuffix(" UTC") not in page] == []


@pytest.fixture
async def version(api: Api, model: str) -> Version:
    """A ready version with a card, metadata and an alias."""
    session = await api.open(
        model,
        file_of("model.bin", DATA),
        file_of("README.md", CARD),
        metrics={"auc": 0.91},
        tags={"team": "risk"},
        description="who leaves",
    )
    for plan, data in zip(session.files, (DATA, CARD), strict=True):
        await api.put(plan, data)
    found = await api.ready(session)
    answer = await api.ingest.put(
        f"/v1/models/{model}/aliases/production", json={"version": 1, "reason": "it is better"}
    )
    assert answer.status_code == 200
    return found


async def test_the_root_leads_to_the_overview_and_that_to_signing_in(browser: Browser) -> None:
    root = await browser.get("/")
    assert (root.status_code, root.headers["location"]) == (303, "/ui/")
    overview = await browser.get("/ui/")
    assert overview.status_code == 401
    assert "/ui/sign-in?next=/ui/" in overview.text


async def test_a_session_is_kept_by_a_cookie_that_no_script_and_no_other_site_gets(
    browser: Browser, settings: Settings
) -> None:
    answer = await browser.sign_in(token_of(settings), "/ui/models?kind=versions")
    assert answer.headers["location"] == "/ui/models?kind=versions"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert token_of(settings) not in cookie
    assert (await browser.get("/ui/")).status_code == 200


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/ui/../v1", "/ui/\\evil", "/v1/models"]
)
async def test_signing_in_leads_to_no_other_site(
    browser: Browser, settings: Settings, target: str
) -> None:
    answer = await browser.sign_in(token_of(settings), target)
    assert answer.headers["location"] == "/ui/"


@pytest.mark.parametrize("token", ["", "wrong", f"mr_{'0' * 16}_{'0' * 64}", f"mrs_{'0' * 64}"])
async def test_a_wrong_token_begins_no_session(browser: Browser, token: str) -> None:
    answer = await browser.sign_in(token)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


async def test_a_form_of_another_site_is_refused(browser: Browser, settings: Settings) -> None:
    for header in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        fields = {"token": token_of(settings)}
        answer = await browser.client.post(SIGN_IN, data=fields, headers=header)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


async def test_signing_out_ends_the_session_and_not_the_cookie_alone(admin: Browser) -> None:
    kept = dict(admin.client.cookies)
    key = await admin.form_key()
    refused = await admin.client.post("/ui/sign-out", data={"form_key": "0" * 64})
    assert refused.status_code == 403
    assert (await admin.get("/ui/")).status_code == 200
    answer = await admin.client.post("/ui/sign-out", data={"form_key": key})
    assert answer.status_code == 303
    admin.client.cookies.update(kept)
    assert (await admin.get("/ui/")).status_code == 401


async def test_a_session_ends_with_its_token(api: Api, browser: Browser) -> None:
    token = await api.token("reader:*")
    assert (await browser.sign_in(token.token)).status_code == 303
    assert (await browser.get("/ui/")).status_code == 200
    assert (await api.ingest.delete(f"/v1/tokens/{token.id}")).status_code == 204
    answer = await browser.get("/ui/")
    while answer.status_code == 200:  # a verdict is kept for some seconds
        answer = await browser.get("/ui/")
    assert answer.status_code == 401


async def test_an_upload_token_begins_no_session(api: Api, browser: Browser, model: str) -> None:
    session = await api.open(model, file_of("model.bin", DATA))
    answer = await browser.sign_in(session.token or "")
    assert answer.status_code == 403


async def test_the_page_takes_no_token_from_a_header(api: Api) -> None:
    assert (await api.query.get("/ui/")).status_code == 401


async def test_every_page_is_there_with_its_policy(
    admin: Browser, version: Version, model: str
) -> None:
    for path, told in (
        ("/ui/", "Overview"),
        ("/ui/models", "Models"),
        (f"/ui/models?filter=name+%3D+'{model}'", model),
        (f"/ui/models?kind=versions&filter=name+%3D+'{model}'", "production"),
        (f"/ui/models/{model}", "0.91"),
        (f"/ui/models/{model}/versions/1", "who leaves"),
        (f"/ui/models/{model}/versions/@production", version.artifacts[0].sha256),
        (f"/ui/models/{model}/versions/1/tensors", "tensors"),
        (f"/ui/models/{model}/aliases/production", "it is better"),
        (SIGN_IN + "?next=%2Fui%2Fnothing", None),
        ("/ui/nothing", "Not Found"),
        (f"/ui/models/{model}/versions/77", "Not Found"),
    ):
        answer = await admin.get(path)
        policies = answer.headers.get_list("content-security-policy")
        assert len(policies) == 1, path
        assert "script-src 'self'" in policies[0]
        assert "frame-ancestors 'none'" in policies[0]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers.get_list("referrer-policy") == ["same-origin"]
        assert told is None or str(told) in answer.text, (path, answer.text)
        assert answer.status_code in (200, 303, 404), path
        assert answer.headers["cache-control"] == "no-store"
        if answer.text:
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert not re.search(OF_ITS_OWN, answer.text), path


async def test_static_files_are_kept_for_a_year_by_their_digest(admin: Browser) -> None:
    page = (await admin.get("/ui/")).text
    addresses = re.findall(r'(?:src|href)="(/ui/static/[^"]+)"', page)
    assert len(addresses) == 5
    for address in addresses:
        answer = await admin.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await admin.get("/ui/static/page.css")).status_code == 404


async def test_a_card_is_text_and_runs_nothing(admin: Browser, version: Version) -> None:
    for path in (f"/ui/models/{version.model}", f"/ui/models/{version.model}/versions/1"):
        text = (await admin.get(path)).text
        assert "<strong>good</strong>" in text
        assert "<h1>Churn</h1>" in text
        assert "<script>alert" not in text
        assert 'href="javascript' not in text
        assert "license: mit" not in text


async def test_a_wrong_filter_is_shown_with_its_place(admin: Browser) -> None:
    answer = await admin.get("/ui/models?filter=name+%3D%3D+x")
    assert answer.status_code == 422
    assert '<mark class="wrong">=</mark>' in answer.text
    assert "column" in answer.text


async def test_columns_and_order_are_kept_in_the_address(admin: Browser, version: Version) -> None:
    path = f"/ui/models?kind=versions&filter=name+%3D+'{version.model}'&columns=name,metrics.auc"
    text = (await admin.get(path)).text
    assert "0.91" in text
    assert "columns=name%2Cmetrics.auc" in text
    assert "order=metrics.%22auc%22+desc" in text
    ordered = await admin.get(path + '&order=metrics."auc"+desc')
    assert 'aria-sort="descending"' in ordered.text


async def test_a_file_is_fetched_from_storage(api: Api, admin: Browser, version: Version) -> None:
    path = f"/ui/models/{version.model}/versions/1/download?path=model.bin"
    answer = await admin.get(path)
    assert answer.status_code == 303
    assert (await api.storage.get(answer.headers["location"])).content == DATA


async def test_who_may_not_read_a_model_is_shown_nothing_of_it(
    api: Api, browser: Browser, version: Version
) -> None:
    model = version.model
    token = await api.token("reader:elsewhere.*")
    assert (await browser.sign_in(token.token)).status_code == 303
    for path in ("/ui/", "/ui/models", "/ui/models?kind=versions"):
        answer = await browser.get(path)
        assert answer.status_code == 200
        assert model not in answer.text
    below = f"/ui/models/{model}"
    for path in ("", "/versions/1", "/versions/1/tensors", "/aliases/production"):
        answer = await browser.get(below + path)
        missing = await browser.get(f"/ui/models/no-such-model{path}")
        assert answer.status_code == missing.status_code == 404
        assert answer.text.replace(model, "no-such-model") == missing.text
    download = await browser.get(f"{below}/versions/1/download?path=model.bin")
    assert download.status_code == 404


async def test_what_nobody_means_is_refused_on_a_page_that_says_why(
    admin: Browser, version: Version
) -> None:
    below = f"/ui/models/{version.model}"
    for path in (
        *("/ui/models?kind=odd", "/ui/models?cursor=zzz", "/ui/models?order=drop+table"),
        *("/ui/models?filter=%00", "/ui/models?filter=" + "a" * 20_000, "/ui/models?filter=((("),
        *("/ui/models?columns=" + ",".join("abcdefghijklmno"), "/ui/models?columns=" + "a" * 300),
        *(f"{below}?cursor=zzz", f"{below}/versions/%00", f"{below}/versions/@", "/ui/models/%00"),
        *(f"{below}/aliases/%3Cb%3E", f"{below}/aliases/production?cursor=-1"),
        *(f"{below}/versions/1/download", f"{below}/versions/1/download?path=../x", "/ui/static/a"),
    ):
        answer = await admin.get(path)
        assert answer.status_code in (404, 422), f"{path}: {answer.status_code}"
        assert answer.headers["content-type"] == "text/html; charset=utf-8", path
    answer = await admin.client.post("/ui/models", data={"a": "b"})
    assert answer.status_code == 405


async def test_a_form_that_is_none_is_refused(admin: Browser) -> None:
    for path in (SIGN_IN, "/ui/sign-out"):
        many = "&".join(f"a{number}=b" for number in range(100))
        for body in (b"\xff\xfe", many.encode()):
            answer = await admin.client.post(path, content=body)
            assert answer.status_code == 422, path
    long = await admin.client.post(SIGN_IN, data={"token": "a" * 100_000})
    assert long.status_code == 401


async def test_sessions_are_in_the_audit_and_by_digest_in_the_database(
    api: Api, browser: Browser, system: System
) -> None:
    token = await api.token("reader:*")
    assert (await browser.sign_in(token.token)).status_code == 303
    secret = browser.client.cookies["mr_session"]
    kept = await system.database.browser_sessions.find({"principal": f"token:{token.id}"}).to_list()
    assert len(kept) == 1
    assert secret not in str(kept)
    assert token.token not in str(kept)
    entries = await api.query.get("/v1/audit", params={"principal": f"token:{token.id}"})
    assert [each["action"] for each in entries.json()["items"]] == ["session.begin"]
