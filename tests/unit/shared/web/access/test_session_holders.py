"""Whose a session is that began at an issuer: as long as the issuer's rules are what they were."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.domain.access.browser_sessions import SessionRecord, proof_of
from shared.domain.access.issuers import ClaimRule, TrustedIssuer
from shared.domain.records import utc_now
from shared.web.access.session_holders import SessionHolders, digest_of_issuer

NOW = utc_now()
RULE = ClaimRule(claims={"groups": "a"}, grants=("reader:risk.*",))
ISSUER = TrustedIssuer(url="https://login.example", audiences=("a",), rules=(RULE,))


def holders(*issuers: TrustedIssuer) -> SessionHolders:
    async def now() -> object:
        return NOW

    settings = SimpleNamespace(registry_admin_token=None, oidc_issuers=issuers)
    return SessionHolders(cast("Any", SimpleNamespace(now=now)), cast("Any", settings))


def session(seconds: int = 60, subject: str = "anna#1") -> SessionRecord:
    return SessionRecord(
        id="a" * 64,
        principal=f"oidc:{ISSUER.url}#{subject}",
        proof=proof_of("a" * 64, digest_of_issuer(ISSUER)),
        handing_key="",
        handed_on_sha256="",
        name="Anna",
        grants=("reader:risk.*",),
        created_at=NOW,
        expires_at=NOW + timedelta(seconds=seconds),
    )


async def test_it_has_the_grants_that_it_began_with() -> None:
    found = await holders(ISSUER).holder_of(session())
    assert found is not None
    assert (found.id, found.kind, found.name) == (session().principal, "oidc", "Anna")
    assert [str(each) for each in found.grants] == ["reader:risk.*"]
    assert found.expires_at == session().expires_at


@pytest.mark.parametrize(
    "issuers",
    [
        (),
        (ISSUER.model_copy(update={"rules": ()}),),
        (ISSUER.model_copy(update={"url": "https://other.example"}),),
    ],
)
async def test_it_ends_when_the_issuer_or_its_rules_go(issuers: tuple[TrustedIssuer, ...]) -> None:
    assert await holders(*issuers).holder_of(session()) is None


async def test_where_its_certificates_are_makes_no_difference() -> None:
    elsewhere = ISSUER.model_copy(update={"ca_file": "/run/ca.pem", "audiences": ("b",)})
    assert await holders(elsewhere).holder_of(session()) is not None


async def test_it_ends_with_its_time() -> None:
    assert await holders(ISSUER).holder_of(session(0)) is None
