"""Back pressure: ingest works on so many requests at once, and turns away the others at once."""

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import TooManyRequests
from shared.http import problem_of

UNLIMITED = "/health/"
"""A busy service is still alive and ready."""


class RequestLimit:
    """Answers 429 with Retry-After when `limit` requests are under way."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http" or scope["path"].startswith(UNLIMITED):
            await self._app(scope, receive, send)
        elif self._under_way >= self._limit:
            detail = f"{self._limit} requests are under way; try again"
            await problem_of(TooManyRequests("too_many_requests", detail))(scope, receive, send)
        else:
            self._under_way += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._under_way -= 1
