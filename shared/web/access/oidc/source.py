"""Principals of OIDC issuers."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from shared.domain.access.claims import granted
from shared.domain.access.issuers import TrustedIssuer
from shared.domain.access.principals import Principal
from shared.runtime.logs import get_logger
from shared.web.access.oidc.keys import IssuerKeys
from shared.web.access.oidc.verification import Refused, UnverifiedToken, verified_claims

LAST_MOMENT = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
"""Of Python's calendar; a token may name a later one."""

log = get_logger(__name__)


class OidcTokens:
    """Tokens of the issuers that settings name."""

    def __init__(
        self,
        issuers: Iterable[TrustedIssuer],
        now: Callable[[], Awaitable[datetime]],
        keys_of: Callable[[TrustedIssuer], IssuerKeys] = IssuerKeys,
    ) -> None:
        self._issuers = {each.url: (each, keys_of(each)) for each in issuers}
        self._now = now

    async def principal_of(self, credential: str) -> Principal | None:
        """Return whom a token is about, with the grants of every rule that it fulfils.

        None for whatever does not count. Raises Unavailable where the issuer would have to be
        asked, and is away.
        """
        if not self._issuers or credential.count(".") != 2:
            return None
        try:
            token = UnverifiedToken.read(credential)
            return await self._verified(token)
        except Refused as reason:
            log.info("oidc token refused", reason=str(reason))
            return None

    async def _verified(self, token: UnverifiedToken) -> Principal:
        trusted = self._issuers.get(token.issuer)
        if trusted is None:
            raise Refused("the issuer is not a trusted one")
        issuer, keys = trusted
        key = await keys.find(token.kid)
        if key is None:
            raise Refused(f"{issuer.url} has no such key")
        claims = verified_claims(token, key, issuer, await self._now())
        return principal_by_claims(issuer, claims)


def principal_by_claims(issuer: TrustedIssuer, claims: Mapping[str, Any]) -> Principal:
    """Return whom verified claims are about, with the grants of every rule that they fulfil."""
    subject: str = claims["sub"]
    expires_at = datetime.fromtimestamp(min(claims["exp"], LAST_MOMENT), UTC)
    grants = granted(issuer.rules, claims)
    return Principal(f"oidc:{issuer.url}#{subject}", "oidc", subject, grants, expires_at)
