"""Tokens of a real OpenID Connect server: Ory Hydra, over its own HTTP."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from shared.domain.access.issuers import ClaimRule, TrustedIssuer
from shared.domain.access.principals import Principal
from shared.domain.errors import Unauthenticated, Unavailable
from shared.web.access.authentication import Authenticator
from shared.web.access.oidc.documents import fetch_keys
from shared.web.access.oidc.keys import FRESH_SECONDS, PAUSE_SECONDS, STALE_SECONDS, IssuerKeys
from shared.web.access.oidc.source import OidcTokens
from tests.support.hydra import Hydra, is_to_be_had, running_hydra
from tests.support.oidc_tokens import AUDIENCE, claims_of, ec_key, signed, unsigned

pytestmark = pytest.mark.skipif(not is_to_be_had(), reason="Hydra needs a C compiler to be built")
TRAINER = "risk-trainer"
ELSEWHERE = "https://elsewhere.example"


@pytest.fixture(scope="module")
def hydra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hydra]:
    with running_hydra(tmp_path_factory.mktemp("hydra")) as running:
        running.register(TRAINER, AUDIENCE, ELSEWHERE)
        yield running


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


class Registry:
    """What a service makes of tokens, with a clock that a test sets forward."""

    def __init__(self, issuer: TrustedIssuer) -> None:
        self.ahead = 0.0
        """Seconds that have passed for the keys."""
        self._issuer = issuer
        self._keys = IssuerKeys(issuer, fetch_keys, lambda: time.monotonic() + self.ahead)

    async def who(self, token: str) -> Principal:
        """Ask as a service does that has seen no token yet."""
        source = OidcTokens([self._issuer], self._now, lambda _: self._keys)
        return await Authenticator([source], (), self._now).identify(f"Bearer {token}")

    async def refuses(self, token: str) -> bool:
        try:
            await self.who(token)
        except Unauthenticated:
            return True
        return False

    async def _now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def registry(hydra: Hydra) -> Registry:
    rule = ClaimRule(claims={"sub": "risk-*"}, grants=("writer:risk.*",))
    return Registry(trust(hydra.url, rule))


def trust(url: str, *rules: ClaimRule) -> TrustedIssuer:
    return TrustedIssuer(url=url, audiences=(AUDIENCE,), rules=rules, allow_loopback_http=True)


async def test_a_token_of_the_server_is_its_client_with_the_grants_of_the_rule(
    hydra: Hydra, registry: Registry
) -> None:
    found = await registry.who(hydra.token(TRAINER, AUDIENCE))
    assert (found.id, found.kind) == (f"oidc:{hydra.url}#{TRAINER}", "oidc")
    assert [str(each) for each in found.grants] == ["writer:risk.*"]
    assert found.expires_at is not None


async def test_a_token_for_somebody_else_is_refused(hydra: Hydra, registry: Registry) -> None:
    assert await registry.refuses(hydra.token(TRAINER, ELSEWHERE))


async def test_what_the_server_would_not_sign_is_refused_with_its_own_key_too(
    hydra: Hydra, registry: Registry
) -> None:
    key = hydra.signing_keys()[0]

    def forged(**changed: Any) -> dict[str, Any]:
        return claims_of(hydra.url, time.time(), **changed)

    assert not await registry.refuses(signed(key, forged(), "RS256"))
    now = int(time.time())
    for claims in (
        forged(exp=now - 61),
        forged(exp=None),
        forged(nbf=now + 120),
        forged(iat=now + 120),
        forged(iss=f"{hydra.url}/"),
    ):
        assert await registry.refuses(signed(key, claims, "RS256"))
    assert await registry.refuses(unsigned(forged(), kid=key.kid))
    assert await registry.refuses(signed(ec_key(str(key.kid)), forged()))


async def test_a_new_key_counts_at_once_and_a_removed_one_no_longer_in_time(
    hydra: Hydra, registry: Registry
) -> None:
    before = hydra.token(TRAINER, AUDIENCE)
    old = [str(key.kid) for key in hydra.signing_keys()]
    assert not await registry.refuses(before)

    hydra.add_key(f"rotated-{uuid4().hex}")
    registry.ahead += PAUSE_SECONDS  # the longest that the registry does not ask again
    after = hydra.token(TRAINER, AUDIENCE)
    assert not await registry.refuses(after)
    assert not await registry.refuses(before)

    for kid in old:
        hydra.remove_key(kid)
    registry.ahead += FRESH_SECONDS
    assert await registry.refuses(before)
    assert not await registry.refuses(after)


async def test_while_the_server_is_away_its_keys_count_for_an_hour_and_then_nobody_can_say(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running_hydra(tmp_path_factory.mktemp("away")) as hydra:
        hydra.register(TRAINER, AUDIENCE)
        known, never_asked = Registry(trust(hydra.url)), Registry(trust(hydra.url))
        token = hydra.token(TRAINER, AUDIENCE)
        assert not await known.refuses(token)
        key = hydra.signing_keys()[0]
        hydra.stop()

        with pytest.raises(Unavailable):
            await never_asked.who(token)
        known.ahead += STALE_SECONDS / 2
        assert not await known.refuses(token)
        known.ahead += STALE_SECONDS / 2
        with pytest.raises(Unavailable):
            await known.who(token)

        hydra.start()  # its store was in memory: it is back with other keys
        hydra.register(TRAINER, AUDIENCE)
        for registry in (known, never_asked):
            registry.ahead += 60  # the longest pause
            assert not await registry.refuses(hydra.token(TRAINER, AUDIENCE))
            assert await registry.refuses(signed(key, claims_of(hydra.url, time.time()), "RS256"))
