"""Whom a request comes from, by its `Authorization: Bearer` header."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic

from cachetools import LRUCache, TTLCache

from shared.database.client import Database
from shared.domain.access.grants import Grant
from shared.domain.access.principals import Principal
from shared.domain.access.tokens import MAX_CHARACTERS, sha256_of
from shared.domain.errors import Unauthenticated
from shared.runtime.settings import Settings
from shared.web.access.sources import (
    AdministratorToken,
    CredentialSource,
    RegistryTokens,
    UploadTokens,
)
from shared.web.rates import Rate, asker_of, too_many

VERDICT_SECONDS = 5.0
"""How long a verdict on a credential is kept: one that is revoked is refused after this time."""
MOST_KNOWN = 10_000
MOST_REFUSED = 10_000
"""Verdicts that are kept at once, 1 kB each at most."""
TOO_MANY_WRONG = "too_many_wrong_credentials"
"""Code of the refusal of an address that brought too many wrong credentials."""
_TOKEN_ID = re.compile(r"bearer +mr_((?:up)?[0-9a-f]{16,32})_", re.IGNORECASE)


def claimed_subject(authorization: str | None) -> str:
    """Return `token:ID` of a header that names a token, also one that does not count; else empty.

    The id is no secret: who uses a token that was revoked can be found by it.
    """
    found = _TOKEN_ID.match(authorization or "")
    return f"token:{found[1]}" if found else ""


def credential_of(authorization: str) -> str | None:
    """Return what an Authorization header brings; None where it is no bearer's, or too long."""
    scheme, _, rest = authorization.partition(" ")
    credential = rest.strip()
    is_one = scheme.lower() == "bearer" and 0 < len(credential) <= MAX_CHARACTERS
    return credential if is_one else None


class Authenticator:
    """Turns credentials into principals, and remembers each verdict for some seconds.

    Wrong credentials cost an address its patience: beyond `wrong` nobody is asked about those that
    were not right before. Beyond `requests` a principal is told to come again.
    """

    def __init__(
        self,
        sources: Sequence[CredentialSource],
        anonymous: Sequence[Grant],
        now: Callable[[], Awaitable[datetime]],
        *,
        wrong: Rate | None = None,
        requests: Rate | None = None,
    ) -> None:
        self._sources = sources
        self._now = now
        self._anonymous = Principal("anonymous", "anonymous", "anonymous", tuple(anonymous))
        self._known: LRUCache[str, tuple[float, Principal]] = LRUCache(MOST_KNOWN)
        """Verdicts with the moment until which each counts; then it says who was right before."""
        self._refused: TTLCache[str, None] = TTLCache(MOST_REFUSED, VERDICT_SECONDS, monotonic)
        self._asking: dict[str, asyncio.Task[Principal | None]] = {}
        """Questions under way, one for each credential, however many requests bring it."""
        self._wrong = wrong or Rate(0, 1)
        self._requests = requests or Rate(0, 1)

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
        return cls(
            sources,
            anonymous,
            database.now,
            wrong=Rate(settings.refused_credentials_per_second, settings.refused_credentials_burst),
            requests=Rate(
                settings.principal_requests_per_second, settings.principal_requests_burst
            ),
        )

    async def identify(self, authorization: str | None, address: str = "") -> Principal:
        """Return the principal of a request, which is counted: see `find_out`.

        Raises TooManyRequests, too, where the principal asks too often.
        """
        principal = await self.find_out(authorization, address)
        is_counted = principal is not self._anonymous
        if is_counted and (wait_seconds := self._requests.take(principal.id)):
            raise too_many(f"{principal.id} asks too often; try again", wait_seconds)
        return principal

    async def find_out(self, authorization: str | None, address: str = "") -> Principal:
        """Return the principal of an Authorization header, or the anonymous one without.

        Raises Unauthenticated for a credential that does not count, whatever the reason;
        TooManyRequests where the address brought too many wrong ones; and Unavailable where nobody
        can say now.
        """
        if not authorization:
            return self._anonymous
        principal = await self._verdict(authorization, address)
        if principal is None:
            raise Unauthenticated
        return principal

    def forget(self, credential: str) -> None:
        """Ask anew about a credential that was just ended here."""
        self._known.pop(sha256_of(credential), None)

    async def _verdict(self, authorization: str, address: str) -> Principal | None:
        credential = credential_of(authorization)
        if credential is None:
            return None
        # By a digest, so that no token stays in memory, and none is compared byte by byte. Not of
        # the header: a token can be brought in many, and would push the verdicts on others out.
        key = sha256_of(credential)
        kept = self._known.get(key)
        if kept is not None and kept[0] > monotonic():
            return kept[1]
        if key in self._refused:
            return None
        asking = self._asking.get(key)
        if asking is None:
            asker = None if kept is not None else asker_of(address)
            asking = self._begin(key, credential, asker)
        # Not awaited itself: the end of one request must not end the question of the others.
        await asyncio.wait((asking,))
        return asking.result()

    def _begin(
        self, key: str, credential: str, asker: str | None
    ) -> asyncio.Task[Principal | None]:
        """Ask about a credential; raises TooManyRequests where its asker had too many wrong ones.

        It is counted as wrong until it proves right: many may be under way at once.
        """
        if asker is not None and (wait_seconds := self._wrong.take(asker)):
            detail = "too many wrong credentials from this address; try again"
            raise too_many(detail, wait_seconds, TOO_MANY_WRONG)
        asking = asyncio.create_task(self._ask_once(key, credential, asker))
        self._asking[key] = asking
        asking.add_done_callback(lambda _: self._asking.pop(key, None))
        return asking

    async def _ask_once(self, key: str, credential: str, asker: str | None) -> Principal | None:
        is_wrong = False
        asked_at = monotonic()  # a credential that is revoked from now on may still be found right
        try:
            principal = await self._ask(credential)
            is_wrong = principal is None
        finally:
            if asker is not None and not is_wrong:
                self._wrong.give_back(asker)
        if principal is None:
            self._refused[key] = None
            self._known.pop(key, None)
        else:
            self._known[key] = (asked_at + await self._kept_seconds(principal), principal)
        return principal

    async def _kept_seconds(self, principal: Principal) -> float:
        """Return how long a verdict counts: no longer than the credential itself."""
        if principal.expires_at is None:
            return VERDICT_SECONDS
        left = principal.expires_at - await self._now()
        return min(VERDICT_SECONDS, left.total_seconds())

    async def _ask(self, credential: str) -> Principal | None:
        for source in self._sources:
            if (principal := await source.principal_of(credential)) is not None:
                return self._with_what_anybody_may(principal)
        return None

    def _with_what_anybody_may(self, principal: Principal) -> Principal:
        """Return a principal who may no less than who brings no credential at all."""
        further = tuple(g for g in self._anonymous.grants if g not in principal.grants)
        return replace(principal, grants=principal.grants + further) if further else principal
