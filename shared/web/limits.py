"""Limits of the HTTP services: the size of a request, and how many are under way at once."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.domain.errors import PayloadTooLarge, TooManyRequests
from shared.web.problems import problem_of

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_DISCARDED_BYTES = 16 * MAX_BODY_BYTES
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


class BodyLimit:
    """Refuses request bodies over 4 MiB, by their declared length or as they arrive.

    What is over the limit is read and thrown away before the answer, so that a client that is
    still sending gets to read it; past 64 MiB the connection is simply closed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its whole body in one message."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):  # no route reads a body
            await self._app(scope, receive, send)
            return
        body = bytearray()
        received = 0
        more = True
        while more and received <= MAX_DISCARDED_BYTES:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client is gone
            received += len(message.get("body", b""))
            if received <= MAX_BODY_BYTES:
                body += message.get("body", b"")
            more = message.get("more_body", False)
        if received > MAX_BODY_BYTES:
            detail = f"the body must be at most {MAX_BODY_BYTES} bytes"
            await problem_of(PayloadTooLarge("body_too_large", detail))(scope, receive, send)
            return
        pending: list[Message] = [{"type": "http.request", "body": bytes(body)}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self._app(scope, replay, send)
