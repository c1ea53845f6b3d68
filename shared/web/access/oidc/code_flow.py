"""Signing in at an OIDC issuer: the code flow with PKCE, and an ID token of this very attempt.

joserfc verifies the token, by the code that verifies bearer tokens. The one further request is made
here, since a library that makes it bounds neither the bytes nor the whole time of the answer.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
from pydantic import SecretStr

from shared.domain.access.issuers import TrustedIssuer
from shared.domain.access.principals import Principal
from shared.domain.access.sign_in_attempts import Attempt
from shared.domain.access.tokens import is_equal
from shared.domain.errors import Denied, Unavailable
from shared.runtime.logs import get_logger
from shared.runtime.settings import Settings
from shared.web.access.oidc.documents import IssuerAway, ask_for_object, asking
from shared.web.access.oidc.endpoints import Endpoints, IssuerEndpoints
from shared.web.access.oidc.keys import IssuerKeys
from shared.web.access.oidc.source import principal_by_claims
from shared.web.access.oidc.verification import Refused, UnverifiedToken, verified_claims

MAX_TOKEN_CHARACTERS = 64 * 1024
MOST_NAME_CHARACTERS = 100
_NAMES = ("name", "preferred_username", "email")
_ANSWERS = (HTTPStatus.OK, HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Client:
    """As what the issuer knows the page."""

    id: str
    secret: SecretStr | None
    scopes: str
    redirect_uri: str


class CodeFlow:
    """Has people sign in at one issuer."""

    def __init__(
        self,
        issuer: TrustedIssuer,
        client: Client,
        now: Callable[[], Awaitable[datetime]],
    ) -> None:
        self.issuer = issuer
        self._client = client
        self._now = now
        self._keys = IssuerKeys(issuer)
        self._endpoints = IssuerEndpoints(issuer)

    @classmethod
    def of(
        cls, settings: Settings, now: Callable[[], Awaitable[datetime]], redirect_path: str
    ) -> "CodeFlow | None":
        """Build it for the issuer that settings name; None where they name none."""
        if (issuer := settings.sign_in_issuer) is None:
            return None
        client = Client(
            settings.oidc_client_id,
            settings.oidc_client_secret,
            settings.oidc_scopes,
            settings.query_url + redirect_path,
        )
        return cls(issuer, client, now)

    async def address(self, attempt: Attempt) -> str:
        """Return where the browser is led for an attempt; raises Unavailable."""
        endpoints = await self._found()
        asked = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": self._client.redirect_uri,
            "scope": self._client.scopes,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in endpoints.authorization else "?"
        return f"{endpoints.authorization}{joint}{urlencode(asked)}"

    async def principal_of(self, code: str, attempt: Attempt) -> Principal:
        """Return who signed in, by the code that came back.

        Raises Unavailable where the issuer does not answer, and Denied with a reason for people
        where it, or what it tells, is not to be had for this attempt.
        """
        text = await self._redeem(code, attempt, await self._found())
        try:
            token = UnverifiedToken.read(text)
            claims = await self._verified(token, attempt)
        except Refused as reason:
            log.warning("oidc sign-in refused", issuer=self.issuer.url, reason=str(reason))
            detail = f"the issuer's token does not count here: {reason}"
            raise Denied("sign_in_failed", detail) from None
        return replace(principal_by_claims(self.issuer, claims), name=_name_of(claims))

    async def _found(self) -> Endpoints:
        try:
            return await self._endpoints.find()
        except IssuerAway:
            raise _away() from None

    async def _redeem(self, code: str, attempt: Attempt, endpoints: Endpoints) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        options: dict[str, Any] = {"data": form}
        secret = self._client.secret
        if secret is not None and not endpoints.takes_secret_in_form:
            # RFC 6749, 2.3.1: each is encoded as in a form before.
            pair = (quote_plus(self._client.id), quote_plus(secret.get_secret_value()))
            options["auth"] = httpx.BasicAuth(*pair)
        else:
            form["client_id"] = self._client.id
            if secret is not None:
                form["client_secret"] = secret.get_secret_value()
        try:
            async with asking(self.issuer) as client:
                status, told = await ask_for_object(
                    client, "POST", endpoints.token, _ANSWERS, **options
                )
        except IssuerAway as reason:
            log.warning("oidc issuer away", issuer=self.issuer.url, reason=str(reason))
            raise _away() from None
        if status != HTTPStatus.OK:
            error = str(told.get("error", ""))[:100]
            log.warning("oidc code refused", issuer=self.issuer.url, status=status, error=error)
            detail = f"the issuer refuses the code that it gave: {error or status}"
            raise Denied("sign_in_failed", detail)
        token = told.get("id_token")
        if not isinstance(token, str) or len(token) > MAX_TOKEN_CHARACTERS:
            raise Denied("sign_in_failed", "the issuer gives no ID token; is openid a scope?")
        return token

    async def _verified(self, token: UnverifiedToken, attempt: Attempt) -> Mapping[str, Any]:
        if token.issuer != self.issuer.url:
            raise Refused("it is of another issuer")
        key = await self._keys.find(token.kid)
        if key is None:
            raise Refused("it has no such key")
        # For this client, whatever audiences its bearer tokens are for.
        issuer = self.issuer.model_copy(update={"audiences": (self._client.id,)})
        claims = verified_claims(token, key, issuer, await self._now())
        nonce = claims.get("nonce")
        if not (isinstance(nonce, str) and nonce.isascii() and is_equal(nonce, attempt.nonce)):
            raise Refused("it is of another attempt")
        alone = claims["aud"] in (self._client.id, [self._client.id])
        if claims.get("azp", self._client.id if alone else "") != self._client.id:
            raise Refused("it was made for another client")
        return claims


def _name_of(claims: Mapping[str, Any]) -> str:
    """Return a name for people; whose session it is, the subject alone tells."""
    for each in _NAMES:
        name = claims.get(each)
        if isinstance(name, str) and name.strip() and name.isprintable():
            return name[:MOST_NAME_CHARACTERS]
    return str(claims["sub"])


def _away() -> Unavailable:
    return Unavailable("issuer_unavailable", "the issuer does not answer as it should; try again")
