"""Signing in to the page at an OIDC issuer: what begins a session, and what does not."""

import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest

from local.processes.state import SERVICES
from local.stack import PORTS, start_services, stop
from services.query.ui.signing_in_at_issuer import MOST_ATTEMPTS
from shared.domain.access.issuers import ClaimRule, TrustedIssuer
from shared.runtime.settings import Settings
from tests.e2e.test_pages_attacked import ATTACKS, OWN_TAGS, Read
from tests.support.issuer_of_people import CLIENT, SECRET, TOKENS, IssuerOfPeople
from tests.support.oidc_issuer import DISCOVERY, published_issuer, send
from tests.support.oidc_tokens import AUDIENCE, claims_of, ec_key, signed, unsigned
from tests.support.search_service import until_search_is_up
from tests.support.system import System

AT_ISSUER, BACK = "/ui/sign-in/oidc", "/ui/sign-in/oidc/back"


@pytest.fixture(scope="module")
def issuer() -> Iterator[IssuerOfPeople]:
    with published_issuer() as published:
        yield IssuerOfPeople(published)


@pytest.fixture(scope="module")
async def query(
    settings: Settings,
    environment: dict[str, str],
    issuer: IssuerOfPeople,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[str]:
    """The address of a second query, beside a second ingest, where people sign in at the issuer."""
    rules = (
        ClaimRule(claims={"groups": "ml-*"}, grants=("reader:risk.*",)),
        ClaimRule(claims={"groups": "admins"}, grants=("admin:risk.*",)),
    )
    url = issuer.published.url
    trusted = TrustedIssuer(url=url, audiences=(AUDIENCE,), rules=rules, allow_loopback_http=True)
    root = tmp_path_factory.mktemp("people")
    chosen = {
        **{name: value for name, value in environment.items() if name not in PORTS.values()},
        "OIDC_ISSUERS": f"[{trusted.model_dump_json()}]",
        "OIDC_SIGN_IN_ISSUER": url,
        "OIDC_CLIENT_ID": CLIENT,
        "OIDC_CLIENT_SECRET": SECRET,
        "OIDC_SCOPES": "openid groups",
    }
    try:
        started = start_services(root, chosen, "free", names=["ingest", "query"])
        address = f"http://localhost:{started[PORTS['query']]}"
        async with httpx.AsyncClient(base_url=address, trust_env=False) as http:
            await until_search_is_up(http)
        yield address
    finally:
        stop(root, SERVICES)


@dataclass(frozen=True)
class Browser:
    """Somebody with cookies of their own."""

    http: httpx.AsyncClient
    issuer: IssuerOfPeople

    async def begin(self, target: str = "/ui/models?kind=versions") -> dict[str, str]:
        """Be led to the issuer, and sign in there; returns what it says to tell."""
        answer = await self.http.get(AT_ISSUER, params={"next": target})
        assert answer.status_code == 303, answer.text
        return self.issuer.led_to(answer.headers["location"])

    async def come_back(self, told: dict[str, str]) -> httpx.Response:
        return await self.http.get(BACK, params=told)

    @property
    def is_signed_in(self) -> bool:
        return "mr_session" in self.http.cookies


@pytest.fixture
async def browser(query: str, issuer: IssuerOfPeople) -> AsyncIterator[Browser]:
    async with httpx.AsyncClient(base_url=query, trust_env=False, timeout=60) as client:
        yield Browser(client, issuer)


def refused(answer: httpx.Response, status: int, told: str) -> None:
    """Somebody is told why no session begins, on a page that nothing breaks."""
    assert answer.status_code == status, answer.text
    alert = re.search(r'role="alert"[^>]*>(.*?)</p>', answer.text, re.DOTALL)
    assert alert is not None
    assert told in alert[1], alert[1]
    assert "mr_session" not in answer.headers.get("set-cookie", "")
    read = Read(answer.text)
    assert read.wrong == []
    assert read.tags <= OWN_TAGS


async def test_who_signs_in_at_the_issuer_has_a_session_with_the_grants_of_the_rules(
    browser: Browser, issuer: IssuerOfPeople, query: str, system: System
) -> None:
    assert f'href="{AT_ISSUER}?next=/ui/"' in (await browser.http.get("/ui/sign-in")).text
    told = await browser.begin()
    assert issuer.asked["redirect_uri"] == query + BACK
    assert issuer.asked["scope"] == "openid groups"
    begun = [each for each in browser.http.cookies.jar if each.name.startswith("mr_sign_in")]
    assert len(begun) == 1
    assert begun[0].has_nonstandard_attr("HttpOnly")
    issuer.claims = {"exp": int((datetime.now(UTC) + timedelta(minutes=5)).timestamp())}
    answer = await browser.come_back(told)
    assert answer.status_code == 200, answer.text
    assert 'content="0; url=/ui/models?kind=versions"' in answer.text
    cookies = answer.headers.get_list("set-cookie")
    [session] = [each for each in cookies if each.startswith("mr_session=")]
    assert "samesite=strict" in session.lower()
    assert "HttpOnly" in session
    assert list(browser.http.cookies) == ["mr_session"]
    assert "Anna" in (await browser.http.get("/ui/models")).text

    principal = f"oidc:{issuer.published.url}#anna"
    [kept] = await system.database.browser_sessions.find({"principal": principal}).to_list()
    assert kept["expires_at"].timestamp() == issuer.claims["exp"]
    assert kept["grants"] == ["reader:risk.*"]
    assert browser.http.cookies["mr_session"] not in str(kept)
    entries = await system.database.audit.find({"principal": principal}).to_list()
    assert [each["action"] for each in entries] == ["session.begin"]


async def test_what_they_do_on_pages_is_done_by_ingest_with_their_grants(
    browser: Browser, issuer: IssuerOfPeople
) -> None:
    told = await browser.begin()
    issuer.claims = {"groups": ["admins"]}
    assert (await browser.come_back(told)).status_code == 200
    page = (await browser.http.get("/ui/admin/tokens")).text
    key = re.search(r'name="form_key" value="([0-9a-f]{64})"', page)
    assert key is not None
    fields = {"form_key": key[1], "name": "of anna", "grants": "reader:risk.churn"}
    fields |= {"once": "0" * 32}
    made = await browser.http.post("/ui/admin/tokens", data=fields)
    assert made.status_code == 200, made.text
    assert "of anna" in (await browser.http.get("/ui/admin/tokens")).text
    refused = await browser.http.post(
        "/ui/admin/tokens", data={**fields, "grants": "reader:*", "once": "1" * 32}
    )
    assert refused.status_code == 403


async def test_an_answer_to_an_attempt_of_somebody_else_begins_no_session(
    browser: Browser, issuer: IssuerOfPeople, query: str
) -> None:
    """Login CSRF: the attacker's code and state, brought to another browser."""
    told = await browser.begin()
    async with httpx.AsyncClient(base_url=query, trust_env=False, timeout=60) as other:
        victim = Browser(other, issuer)
        refused(await victim.come_back(told), 400, "another browser")
        mine = await victim.begin()
        refused(await victim.come_back({**told, "code": mine["code"]}), 400, "another browser")
        for state in ("", "0" * 64, "\u00e9", "a" * 4000):
            refused(await victim.come_back({**mine, "state": state}), 400, "another browser")
        assert issuer.published.forms == [] or issuer.codes, "nothing was redeemed"
        # Nor is their own attempt ended by that.
        assert (await victim.come_back(mine)).status_code == 200
    assert not browser.is_signed_in


async def test_several_tabs_sign_in_at_once_each_going_on_to_its_page(browser: Browser) -> None:
    pages = ("/ui/models", "/ui/upload", "/ui/me")
    begun = [await browser.begin(page) for page in pages]
    for page, told in zip(pages, begun, strict=True):
        answer = await browser.come_back(told)
        assert answer.status_code == 200, answer.text
        assert f'content="0; url={page}"' in answer.text
    assert list(browser.http.cookies) == ["mr_session"]


async def test_a_browser_keeps_few_attempts(browser: Browser) -> None:
    first, *_, last = [await browser.begin() for _ in range(MOST_ATTEMPTS + 1)]
    assert len(browser.http.cookies) <= MOST_ATTEMPTS
    refused(await browser.come_back(first), 400, "another browser")
    assert (await browser.come_back(last)).status_code == 200


async def test_a_code_serves_once(browser: Browser) -> None:
    told = await browser.begin()
    kept = dict(browser.http.cookies)
    assert (await browser.come_back(told)).status_code == 200
    browser.http.cookies.clear()
    browser.http.cookies.update(kept)
    refused(await browser.come_back(told), 403, "invalid_grant")


async def test_no_other_site_begins_an_attempt(browser: Browser) -> None:
    for header in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        answer = await browser.http.get(AT_ISSUER, headers=header)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/ui/../v1", '/ui/"><script>', "/ui/sign-in"],
)
async def test_it_leads_on_to_no_other_site(browser: Browser, target: str) -> None:
    told = await browser.begin(target)
    answer = await browser.come_back(told)
    assert 'content="0; url=/ui/"' in answer.text or target.startswith('/ui/"')
    assert Read(answer.text).wrong == []
    # What the browser keeps of it is asked anew, too: it can be changed there.
    told = await browser.begin()
    [(name, value)] = [each for each in browser.http.cookies.items() if each[0] != "mr_session"]
    browser.http.cookies.clear()
    browser.http.cookies.set(name, f"{value.partition('.')[0]}.aHR0cHM6Ly9ldmlsLmV4YW1wbGU")
    assert 'content="0; url=/ui/"' in (await browser.come_back(told)).text


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"nonce": "0" * 64}, "another attempt"),
        ({"nonce": None}, "another attempt"),
        ({"nonce": ["a"]}, "another attempt"),
        ({"aud": AUDIENCE}, "aud"),
        ({"aud": [CLIENT, "other"]}, "another client"),
        ({"azp": "other"}, "another client"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"exp": 1}, "exp"),
        ({"exp": None}, "exp"),
        ({"sub": None}, "sub"),
        ({"sub": "a\u202eb"}, "subject"),
        ({"iat": 2**33}, "iat"),
        ({"groups": ["sales"]}, "granted nothing"),
    ],
)
async def test_a_token_that_is_not_of_this_attempt_begins_no_session(
    browser: Browser, issuer: IssuerOfPeople, changed: dict[str, Any], told: str
) -> None:
    back = await browser.begin()
    issuer.claims = changed
    refused(await browser.come_back(back), 403, told)
    assert not browser.is_signed_in


async def test_a_token_that_the_issuer_did_not_sign_begins_no_session(
    browser: Browser, issuer: IssuerOfPeople
) -> None:
    for forged in range(6):
        back = await browser.begin()
        nonce = issuer.asked["nonce"]
        claims = claims_of(issuer.published.url, time.time(), sub="anna", aud=CLIENT, nonce=nonce)
        tokens: list[object] = [
            unsigned(claims),
            unsigned(claims, kid=issuer.key.kid),
            signed(ec_key(str(issuer.key.kid)), claims),
            *("a.b.c", "x" * 100_000, 7),
        ]
        issuer.answer = {"id_token": tokens[forged]}
        refused(await browser.come_back(back), 403, "issuer")
        assert not browser.is_signed_in


async def test_what_the_issuer_refuses_is_told_in_words(browser: Browser) -> None:
    back = await browser.begin()
    answer = await browser.come_back({"state": back["state"], "error": "access_denied"})
    refused(answer, 403, "did not let you in")
    for attack in ATTACKS:
        back = await browser.begin()
        answer = await browser.come_back({"state": back["state"], "error": attack})
        refused(answer, 403, "the issuer says")
    back = await browser.begin()
    refused(await browser.come_back({**back, "iss": "https://evil.example"}), 403, "another issuer")
    # Without the state of an attempt nothing of what a link says is shown.
    answer = await browser.come_back({"state": "x", "error": "call 0800"})
    refused(answer, 400, "another browser")
    assert "0800" not in answer.text


async def test_an_issuer_that_answers_badly_is_said_to_be_away(
    browser: Browser, issuer: IssuerOfPeople
) -> None:
    def redirects(handler: BaseHTTPRequestHandler) -> None:
        send(handler, b"", status=302, location="https://evil.example/token")

    def fails(handler: BaseHTTPRequestHandler) -> None:
        send(handler, b"<h1>oops</h1>", status=500)

    def floods(handler: BaseHTTPRequestHandler) -> None:
        send(handler, b'{"id_token": "' + b"x" * 1_000_000 + b'"}')

    def mumbles(handler: BaseHTTPRequestHandler) -> None:
        send(handler, b"[]")

    redeem = issuer.published.answers[TOKENS]
    try:
        for answers in (redirects, fails, floods, mumbles):
            back = await browser.begin()
            issuer.published.answers[TOKENS] = answers
            refused(await browser.come_back(back), 503, "does not answer as it should")
    finally:
        issuer.published.answers[TOKENS] = redeem


async def test_the_session_ends_with_the_token(
    browser: Browser, issuer: IssuerOfPeople, system: System
) -> None:
    back = await browser.begin()
    assert (await browser.come_back(back)).status_code == 200
    assert (await browser.http.get("/ui/")).status_code == 200
    # As if its time had come.
    await system.database.browser_sessions.update_one(
        {"principal": f"oidc:{issuer.published.url}#anna"},
        {"$set": {"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}},
    )
    answer = await browser.http.get("/ui/")
    while answer.status_code == 200:  # a verdict is kept for some seconds
        answer = await browser.http.get("/ui/")
    assert answer.status_code == 401


async def test_the_discovery_is_asked_for_rarely(browser: Browser, issuer: IssuerOfPeople) -> None:
    before = issuer.published.asked.count(DISCOVERY)
    for _ in range(20):
        await browser.begin()
    assert issuer.published.asked.count(DISCOVERY) - before <= 1
