"""Where an issuer has people sign in, and where it gives tokens: as it told last."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

from shared.domain.access.issuers import TrustedIssuer
from shared.runtime.logs import get_logger
from shared.web.access.oidc.documents import IssuerAway, allowed_url, asking, fetch_discovery

FRESH_SECONDS = 300.0
PAUSE_SECONDS = 10.0
"""After a failure the issuer is left alone for this time, whoever wants to sign in."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Two addresses of an issuer."""

    authorization: str
    token: str
    takes_secret_in_form: bool
    """Whether a client's secret has to be in the form, since a header is not taken."""


class IssuerEndpoints:
    """Finds an issuer's addresses, and asks it as rarely as it can."""

    def __init__(
        self,
        issuer: TrustedIssuer,
        fetch: Callable[[TrustedIssuer], Awaitable[Endpoints]] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch or fetch_endpoints
        self._clock = clock
        self._known: Endpoints | None = None
        self._next_fetch_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def find(self) -> Endpoints:
        """Return the addresses; raises IssuerAway."""
        async with self._fetching:  # one fetches, the others wait for what comes of it
            if self._clock() >= self._next_fetch_at:
                await self._refresh()
        if self._known is None:
            raise IssuerAway("it did not answer")
        return self._known

    async def _refresh(self) -> None:
        try:
            self._known = await self._fetch(self._issuer)
            self._next_fetch_at = self._clock() + FRESH_SECONDS
        except IssuerAway as reason:  # what it told before goes on to count
            self._next_fetch_at = self._clock() + PAUSE_SECONDS
            log.warning("oidc issuer away", issuer=self._issuer.url, reason=str(reason))


async def fetch_endpoints(issuer: TrustedIssuer) -> Endpoints:
    """Return the addresses that an issuer tells; raises IssuerAway."""
    async with asking(issuer) as client:
        discovery = await fetch_discovery(client, issuer)
    methods = discovery.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(methods, list) or "S256" not in methods:
        raise IssuerAway("it does not take PKCE with S256")
    ways = discovery.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Endpoints(
        allowed_url(issuer, discovery, "authorization_endpoint"),
        allowed_url(issuer, discovery, "token_endpoint"),
        takes_secret_in_form=isinstance(ways, list) and "client_secret_basic" not in ways,
    )
