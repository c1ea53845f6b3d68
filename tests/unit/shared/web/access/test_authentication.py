"""Whose a credential is, and for how long that is remembered."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.access.grants import Grant
from shared.domain.access.principals import Principal
from shared.domain.errors import Unauthenticated
from shared.web.access.authentication import Authenticator

NOW = datetime(2026, 11, 28, tzinfo=UTC)
PUBLIC = Grant.parse("reader:public.*")


class Source:
    """Knows one credential, and counts how often it is asked."""

    def __init__(self, expires_at: datetime | None = None) -> None:
        self.asked = 0
        self.principal = Principal("token:1", "token", "ci", (), expires_at)

    async def principal_of(self, credential: str) -> Principal | None:
        self.asked += 1
        return self.principal if credential == "right" else None


async def now() -> datetime:
    return NOW


async def test_without_a_credential_one_is_anonymous() -> None:
    principal = await Authenticator([Source()], [PUBLIC], now).identify(None)
    assert (principal.id, principal.grants) == ("anonymous", (PUBLIC,))


async def test_who_brings_a_credential_may_no_less_than_who_brings_none() -> None:
    principal = await Authenticator([Source()], [PUBLIC], now).identify("Bearer right")
    assert (principal.id, principal.grants) == ("token:1", (PUBLIC,))


async def test_a_verdict_is_remembered_for_a_while() -> None:
    source = Source()
    authenticator = Authenticator([source], [], now)
    for _ in range(3):
        await authenticator.identify("Bearer right")
    assert source.asked == 1


async def test_a_credential_has_one_verdict_however_it_is_written() -> None:
    """Else one token has as many as it likes, and pushes those of all others out."""
    source = Source()
    authenticator = Authenticator([source], [], now)
    for header in (
        "Bearer right",
        "bearer right",
        "BeAReR right",
        "Bearer    right",
        "Bearer right ",
    ):
        assert (await authenticator.identify(header)).id == "token:1"
    assert source.asked == 1


async def test_a_verdict_does_not_outlive_its_credential() -> None:
    source = Source(expires_at=NOW - timedelta(seconds=1))
    authenticator = Authenticator([source], [], now)
    for _ in range(3):
        await authenticator.identify("Bearer right")
    assert source.asked == 3


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Basic right", "Bearer", "Bearer ", "right", "Bearer " + "x" * 9000]
)
async def test_every_other_header_is_refused_alike(header: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await Authenticator([Source()], [PUBLIC], now).identify(header)
    assert caught.value.detail == "the credential is not accepted"
