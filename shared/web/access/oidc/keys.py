"""The keys of one issuer, as they were when they were last fetched."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from time import monotonic

from joserfc.jwk import Key

from shared.domain.access.issuers import TrustedIssuer
from shared.domain.errors import Unavailable
from shared.runtime.logs import get_logger
from shared.web.access.oidc.documents import IssuerAway, Keys, fetch_keys

FRESH_SECONDS = 300.0
"""Keys are fetched again after this time: one that the issuer withdrew counts no longer."""
STALE_SECONDS = 3600.0
"""While the issuer is away its keys go on to count, up to this age."""
PAUSE_SECONDS = 10.0
"""Two fetches are at least this far apart, whatever tokens come."""
LONGEST_PAUSE_SECONDS = 60.0
"""The pause after a failure doubles up to this."""

log = get_logger(__name__)


class IssuerKeys:
    """Finds an issuer's keys, and asks the issuer as rarely as it can.

    It is asked where keys are old and where a token names a key that is not there: that is how a
    new one becomes known. Whoever makes tokens up can have it asked once in PAUSE_SECONDS.
    """

    def __init__(
        self,
        issuer: TrustedIssuer,
        fetch: Callable[[TrustedIssuer], Awaitable[Keys]] = fetch_keys,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._keys: Keys = {}
        self._fetched_at = float("-inf")
        self._next_fetch_at = float("-inf")
        self._failures = 0
        """In a row; not 0: the issuer is away."""
        self._fetching = asyncio.Lock()

    async def find(self, kid: str) -> Key | None:
        """Return the key of this id; None where the issuer has none.

        Raises Unavailable while the issuer is away, for a key that is not known or too old.
        """
        if self._is_due(kid):
            async with self._fetching:  # one fetches, the others wait for what comes of it
                if self._is_due(kid):
                    await self._refresh()
        key = self._keys.get(kid)
        if key is not None and self._age() <= STALE_SECONDS:
            return key
        if self._failures:
            raise Unavailable("issuer_unavailable", "the issuer does not answer; try again")
        return None

    def _age(self) -> float:
        return self._clock() - self._fetched_at

    def _is_due(self, kid: str) -> bool:
        if self._clock() < self._next_fetch_at:
            return False
        return kid not in self._keys or self._age() > FRESH_SECONDS

    async def _refresh(self) -> None:
        asked_at = self._clock()
        try:
            self._keys = await self._fetch(self._issuer)
        except IssuerAway as reason:
            pause = min(PAUSE_SECONDS * 2**self._failures, LONGEST_PAUSE_SECONDS)
            self._next_fetch_at = self._clock() + pause * random.uniform(0.5, 1)  # noqa: S311
            self._failures = min(self._failures + 1, 10)
            log.warning("oidc issuer away", issuer=self._issuer.url, reason=str(reason))
            return
        # From before the question: what was withdrawn while it was under way may be in it.
        self._fetched_at = asked_at
        self._next_fetch_at = self._clock() + PAUSE_SECONDS
        self._failures = 0
        log.info("oidc keys fetched", issuer=self._issuer.url, keys=len(self._keys))
