"""From a token to a principal: what the services make of it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.jwk import Key
from structlog.testing import capture_logs

from shared.domain.access.issuers import ClaimRule, TrustedIssuer
from shared.domain.errors import Unauthenticated, Unavailable
from shared.web.access.authentication import Authenticator
from shared.web.access.oidc.documents import IssuerAway, Keys
from shared.web.access.oidc.keys import IssuerKeys
from shared.web.access.oidc.source import OidcTokens
from tests.support.oidc_tokens import claims_of, ec_key, public, signed, unsigned

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
RULES = (
    ClaimRule(claims={"sub": "repo:acme/risk:*"}, grants=("writer:risk.*", "reader:*")),
    ClaimRule(claims={"actor": "admin"}, grants=("admin:*", "reader:*")),
)
HERE, THERE = "https://here.example", "https://there.example"
AUDIENCE = claims_of("", 0)["aud"]
ISSUERS = (
    TrustedIssuer(url=HERE, audiences=(AUDIENCE,), rules=RULES),
    TrustedIssuer(url=THERE, audiences=(AUDIENCE,)),
)
KEYS = {HERE: ec_key("k1"), THERE: ec_key("k1")}


async def now() -> datetime:
    return NOW


class World:
    """A source over two issuers, each with one key."""

    def __init__(self, issuers: Sequence[TrustedIssuer] = ISSUERS) -> None:
        self.asked: list[str] = []
        self.is_away = False
        self.source = OidcTokens(issuers, now, lambda each: IssuerKeys(each, self._fetch))

    async def _fetch(self, issuer: TrustedIssuer) -> Keys:
        self.asked.append(issuer.url)
        if self.is_away:
            raise IssuerAway("as the test says")
        key = KEYS[issuer.url]
        return {str(key.kid): public(key)}


def token(issuer: str = HERE, key: Key | None = None, **changed: Any) -> str:
    return signed(key or KEYS[issuer], claims_of(issuer, NOW.timestamp(), **changed))


async def test_a_token_is_a_principal_with_the_grants_of_every_rule_that_it_fulfils() -> None:
    found = await World().source.principal_of(token(actor="admin"))
    assert found is not None
    assert found.id == f"oidc:{HERE}#repo:acme/risk:ref:refs/heads/main"
    assert (found.kind, found.name) == ("oidc", "repo:acme/risk:ref:refs/heads/main")
    assert [str(each) for each in found.grants] == ["writer:risk.*", "reader:*", "admin:*"]
    assert found.expires_at == datetime.fromtimestamp(int(NOW.timestamp()) + 300, UTC)


async def test_a_token_that_fulfils_no_rule_is_a_principal_without_grants() -> None:
    for each in (token(sub="somebody"), token(THERE)):
        found = await World().source.principal_of(each)
        assert found is not None
        assert found.grants == ()


async def test_the_same_subject_of_two_issuers_is_two_principals() -> None:
    world = World()
    found = [await world.source.principal_of(token(each)) for each in (HERE, THERE)]
    assert len({each.id for each in found if each is not None}) == 2


async def test_an_issuer_speaks_for_itself_alone() -> None:
    assert await World().source.principal_of(token(HERE, KEYS[THERE])) is None


async def test_an_issuer_that_settings_do_not_name_is_not_asked() -> None:
    world = World()
    evil = ec_key("k1")
    assert await world.source.principal_of(signed(evil, claims_of("https://evil", 0))) is None
    assert world.asked == []


@pytest.mark.parametrize("kid", ["../../etc/passwd", "https://evil.example/key", "k1\0", "K1", "*"])
async def test_the_name_of_a_key_leads_nowhere_but_to_the_keys_of_the_issuer(kid: str) -> None:
    world = World()
    claims = claims_of(HERE, NOW.timestamp())
    assert await world.source.principal_of(signed(KEYS[HERE], claims, kid=kid)) is None
    assert world.asked == [HERE]


async def test_a_token_that_outlives_the_calendar_is_taken() -> None:
    found = await World().source.principal_of(token(exp=10**15))
    assert found is not None
    assert found.expires_at == datetime(9999, 12, 31, tzinfo=UTC)


async def test_every_refusal_is_the_same_to_who_asks_and_tells_the_log_why() -> None:
    world = World()
    authenticator = Authenticator([world.source], (), now)
    claims = claims_of(HERE, NOW.timestamp())
    bad = {
        "expired_token: exp": token(exp=1),
        "invalid_claim: aud": token(aud="https://elsewhere.example"),
        "invalid_claim: nbf": token(nbf=2**40),
        "bad_signature": token(key=ec_key("k1")),
        f"{HERE} has no such key": token(key=ec_key("k2")),
        "the issuer is not a trusted one": signed(KEYS[HERE], claims_of("https://evil", 0)),
        "unsupported_algorithm": unsigned(claims, kid="k1"),
        "the header must be JSON: Expecting value at character 0": "..",
    }
    with capture_logs() as logs:
        for each in bad.values():
            with pytest.raises(Unauthenticated) as caught:
                await authenticator.identify(f"Bearer {each}")
            assert str(caught.value) == str(Unauthenticated())
    told = [line for line in logs if line["event"] == "oidc token refused"]
    assert [line["reason"] for line in told] == list(bad)
    assert {line["log_level"] for line in told} == {"info"}
    for each in bad.values():
        assert each == ".." or each not in str(logs)


async def test_an_issuer_that_is_away_leaves_the_question_open() -> None:
    world = World()
    world.is_away = True
    authenticator = Authenticator([world.source], (), now)
    with pytest.raises(Unavailable):
        await authenticator.identify(f"Bearer {token()}")


async def test_credentials_of_other_kinds_are_nobodys_here_and_nothing_is_logged() -> None:
    with capture_logs() as logs:
        for each in ("mr_0011223344556677_" + "0" * 64, "opaque", "", "a.b", "a.b.c.d"):
            assert await World().source.principal_of(each) is None
        assert await World(()).source.principal_of(token()) is None
    assert logs == []
