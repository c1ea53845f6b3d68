"""What the owners of subscriptions may be told of: asked at each delivery, kept for seconds."""

from collections.abc import Sequence
from time import monotonic

from cachetools import TTLCache

from shared.database.client import Database
from shared.database.tokens import find_token
from shared.domain.access.grants import Grant

KEPT_SECONDS = 5.0
"""A token that is revoked is told of nothing more after this time."""
MOST_KEPT = 10_000
ADMINISTRATOR = "administrator"
EVERYTHING = (Grant("admin", "*"),)


class Owners:
    """Looks up the grants of principals; those that can own subscriptions are tokens."""

    def __init__(self, database: Database, anonymous: Sequence[Grant]) -> None:
        self._database = database
        self._anonymous = tuple(anonymous)
        self._kept: TTLCache[str, tuple[Grant, ...] | None] = TTLCache(
            MOST_KEPT, KEPT_SECONDS, monotonic
        )

    async def grants_of(self, principal: str) -> tuple[Grant, ...] | None:
        """Return what a principal is granted; None where it is gone, revoked or expired.

        Raises DatabaseUnavailable.
        """
        if principal in self._kept:
            return self._kept[principal]
        found = await self._look_up(principal)
        self._kept[principal] = found
        return found

    async def _look_up(self, principal: str) -> tuple[Grant, ...] | None:
        if principal == ADMINISTRATOR:
            return EVERYTHING
        kind, _, token_id = principal.partition(":")
        token = await find_token(self._database, token_id) if kind == "token" else None
        if token is None or token.revoked_at is not None:
            return None
        if token.expires_at is not None and token.expires_at <= await self._database.now():
            return None
        # Nobody may less than who brings no credential at all.
        return (*(Grant.parse(each) for each in token.grants), *self._anonymous)
