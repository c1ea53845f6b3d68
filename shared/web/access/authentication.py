"""Whom a request comes from, by its `Authorization: Bearer` header."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from time import monotonic

from cachetools import TLRUCache, TTLCache

from shared.database.client import Database
from shared.domain.access.grants import Grant
from shared.domain.access.principals import Principal
from shared.domain.access.tokens import MAX_CHARACTERS
from shared.domain.errors import Unauthenticated
from shared.runtime.settings import Settings
from shared.web.access.sources import (
    AdministratorToken,
    CredentialSource,
    RegistryTokens,
    UploadTokens,
)

VERDICT_SECONDS = 5.0
"""How long a verdict on a credential is kept: one that is revoked is refused after this time."""
MOST_KNOWN = 10_000
MOST_REFUSED = 10_000
"""Verdicts that are kept at once, 1 kB each at most."""


class Authenticator:
    """Turns credentials into principals, and remembers each verdict for some seconds."""

    def __init__(
        self,
        sources: Sequence[CredentialSource],
        anonymous: Sequence[Grant],
        now: Callable[[], Awaitable[datetime]],
    ) -> None:
        self._sources = sources
        self._now = now
        self._anonymous = Principal("anonymous", "anonymous", "anonymous", tuple(anonymous))
        self._known: TLRUCache[bytes, tuple[float, Principal]] = TLRUCache(
            MOST_KNOWN, ttu=lambda _key, value, _now: value[0], timer=monotonic
        )
        self._refused: TTLCache[bytes, None] = TTLCache(MOST_REFUSED, VERDICT_SECONDS, monotonic)

    @classmethod
    def of(
        cls, settings: Settings, database: Database, further: Sequence[CredentialSource] = ()
    ) -> "Authenticator":
        """Build one that knows the registry's own credentials, and the further sources."""
        sources: list[CredentialSource] = []
        if settings.registry_admin_token is not None:
            sources.append(AdministratorToken(settings.registry_admin_token))
        sources += [RegistryTokens(database), UploadTokens(database), *further]
        anonymous = [Grant.parse(each) for each in settings.granted_to_anonymous]
        return cls(sources, anonymous, database.now)

    async def identify(self, authorization: str | None) -> Principal:
        """Return the principal of an Authorization header, or the anonymous one without.

        Raises Unauthenticated for a credential that does not count, whatever the reason, and
        Unavailable where nobody can say now.
        """
        if not authorization:
            return self._anonymous
        # By a digest, so that no token stays in memory, and none is compared byte by byte.
        key = hashlib.sha256(authorization.encode(errors="surrogateescape")).digest()
        kept = self._known.get(key)
        if kept is not None:
            return kept[1]
        if key in self._refused:
            raise Unauthenticated
        principal = await self._ask(authorization)
        if principal is None:
            self._refused[key] = None
            raise Unauthenticated
        self._known[key] = (monotonic() + await self._kept_seconds(principal), principal)
        return principal

    async def _kept_seconds(self, principal: Principal) -> float:
        """Return how long a verdict counts: no longer than the credential itself."""
        if principal.expires_at is None:
            return VERDICT_SECONDS
        left = principal.expires_at - await self._now()
        return min(VERDICT_SECONDS, left.total_seconds())

    async def _ask(self, authorization: str) -> Principal | None:
        scheme, _, credential = authorization.partition(" ")
        credential = credential.strip()
        if scheme.lower() != "bearer" or not 0 < len(credential) <= MAX_CHARACTERS:
            return None
        for source in self._sources:
            if (principal := await source.principal_of(credential)) is not None:
                return principal
        return None
