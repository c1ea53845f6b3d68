"""What every request passes first: it gets an id, and an address may not ask too often.

One middleware does all of it in a few microseconds, outside of all others, so that each answer
carries the id: also those to requests that are refused early, or that brought out a defect.
"""

import re
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from shared.web.problems import problem_of
from shared.web.rates import Rate, asker_of, too_many

REQUEST_ID = b"x-request-id"
_ACCEPTED_ID = re.compile(rb"[A-Za-z0-9._:=+/-]{1,128}")
_UNLIMITED = "/health/"
"""A service that is asked too much is still alive and ready."""
_PRIVATE = "/v1/"
"""Answers below it may hold signed URLs, tokens, or what only the caller may see."""
_NO_STORE = (b"cache-control", b"no-store")


class Guard:
    """Names each request, limits each address, and marks each answer."""

    def __init__(self, app: ASGIApp, rate: Rate) -> None:
        self._app = app
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its id in `state`, or answer 429 with Retry-After."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        bind_contextvars(request_id=request_id)
        path: str = scope["path"]
        added = [(REQUEST_ID, request_id.encode())]
        if path.startswith(_PRIVATE):
            added.append(_NO_STORE)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added]
            await send(message)

        if not path.startswith(_UNLIMITED):
            wait_seconds = self._rate.take(asker_of(address_of(scope)))
            if wait_seconds:
                refusal = too_many("this address asks too often; try again", wait_seconds)
                await problem_of(refusal)(scope, receive, marked)
                return
        await self._app(scope, receive, marked)


def address_of(scope: Scope) -> str:
    """Return the address that a request comes from; empty where the server does not know it."""
    client = scope.get("client")
    return client[0] if client else ""


def _request_id(scope: Scope) -> str:
    """Return the id that a request brings, or a new one where it brings none that is harmless."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID and _ACCEPTED_ID.fullmatch(value):
            return value.decode()
    return uuid4().hex
