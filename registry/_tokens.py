"""Tokens: made, listed and revoked by whoever administers what they are for.

Example:
    >>> read_life("30d")
    datetime.timedelta(days=30)
"""

import re
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta

from registry._answers import request_of
from registry._api import Api
from registry._pages import each_item
from registry.errors import InvalidRequestError
from registry.schemas.access import NewToken, Token, TokenRequest

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LIFE = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)

Life = timedelta | str
"""How long a token counts: a span of time, or a text such as "30d", "12h" or "90s"."""


class Tokens:
    """The tokens of a registry, as `client.tokens`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def create(
        self, name: str, grants: Iterable[str], *, expires: Life | None = None
    ) -> NewToken:
        """Make a token; its `token` is told this once, and nobody can find it out later.

        Args:
            name: what it is for; for people alone.
            grants: what it may do: `reader:churn`, `writer:risk.*`, `events:*`, ...
            expires: how long it counts; None: until it is revoked.

        Raises:
            InvalidRequestError: a grant, the name or the time breaks a rule.
            AccessDeniedError: the caller does not administer all that it is for.
        """
        life = read_life(expires) if isinstance(expires, str) else expires
        seconds = None if life is None else int(life.total_seconds())
        asked = {"name": name, "grants": list(grants), "expires_in_seconds": seconds}
        return await self._api.create_token(request_of(TokenRequest, asked))

    def list(self) -> AsyncIterator[Token]:
        """Yield the tokens that the caller made, the newest first, fetched page by page.

        Who administers everything gets those of all others, too.
        """
        return each_item(self._api.list_tokens)

    async def revoke(self, token_id: str) -> None:
        """Let a token count no more, everywhere within 10 seconds; raises NotFoundError."""
        await self._api.revoke_token(token_id)


def read_life(text: str) -> timedelta:
    """Read a time such as `30d`; raises InvalidRequestError for any other form."""
    match = _LIFE.fullmatch(text)
    if match is None:
        rule = f"{text!r} must be a number and one of {', '.join(_UNITS)}, such as 30d"
        raise InvalidRequestError(f"expires: {rule}", code="invalid_request", status=422)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
