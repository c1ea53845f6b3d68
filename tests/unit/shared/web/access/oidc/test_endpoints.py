"""Where people sign in, as an issuer tells it: asked rarely, and counting while it is away."""

from collections.abc import Iterator

import pytest

from shared.domain.access.issuers import TrustedIssuer
from shared.web.access.oidc.documents import IssuerAway
from shared.web.access.oidc.endpoints import (
    FRESH_SECONDS,
    PAUSE_SECONDS,
    Endpoints,
    IssuerEndpoints,
    fetch_endpoints,
)
from tests.support.oidc_issuer import DISCOVERY, PublishedIssuer, published_issuer

pytestmark = pytest.mark.usefixtures("socket_enabled", "no_proxy")


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def issuer() -> Iterator[PublishedIssuer]:
    with published_issuer() as found:
        found.documents[DISCOVERY] |= {
            "authorization_endpoint": f"{found.url}/auth",
            "token_endpoint": f"{found.url}/token",
        }
        yield found


def trusted(url: str) -> TrustedIssuer:
    return TrustedIssuer(url=url, audiences=("a",), allow_loopback_http=True)


async def test_the_addresses_are_those_of_its_document(issuer: PublishedIssuer) -> None:
    found = await fetch_endpoints(trusted(issuer.url))
    assert found == Endpoints(f"{issuer.url}/auth", f"{issuer.url}/token", False)
    issuer.documents[DISCOVERY]["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    assert (await fetch_endpoints(trusted(issuer.url))).takes_secret_in_form


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://evil.example/auth"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "https://user@evil.example/token"},
        {"token_endpoint": None},
        {"code_challenge_methods_supported": ["plain"]},
        {"code_challenge_methods_supported": 7},
    ],
)
async def test_one_that_is_not_safe_counts_as_away(
    issuer: PublishedIssuer, changed: dict[str, object]
) -> None:
    issuer.documents[DISCOVERY] |= changed
    with pytest.raises(IssuerAway):
        await fetch_endpoints(trusted(issuer.url))


async def test_it_is_asked_rarely_and_what_it_told_counts_while_it_is_away() -> None:
    asked, now, is_away = 0, 0.0, True
    told = Endpoints("https://a/auth", "https://a/token", False)

    async def fetch(_: TrustedIssuer) -> Endpoints:
        nonlocal asked
        asked += 1
        if is_away:
            raise IssuerAway("away")
        return told

    endpoints = IssuerEndpoints(trusted("https://a"), fetch, lambda: now)
    for _ in range(3):
        with pytest.raises(IssuerAway):
            await endpoints.find()
    assert asked == 1
    now, is_away = PAUSE_SECONDS, False
    assert [await endpoints.find() for _ in range(3)] == [told] * 3
    assert asked == 2
    now, is_away = now + FRESH_SECONDS, True
    assert [await endpoints.find() for _ in range(3)] == [told] * 3
    assert asked == 3
