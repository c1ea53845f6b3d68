"""Limits of the HTTP services: the size of a request, and how many are under way at once."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.domain.errors import (
    PayloadTooLarge,
    RegistryError,
    RequestTooSlow,
    TooManyRequests,
)
from shared.web.metrics import PATH
from shared.web.problems import problem_of

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_DISCARDED_BYTES = 16 * MAX_BODY_BYTES
BODY_IDLE_SECONDS = 10.0
BODY_TOTAL_SECONDS = 60.0
MAX_HELD_BYTES = 32 * 1024 * 1024
"""Bodies in memory at once; handling them takes a few times as much."""
UNLIMITED = ("/health/", PATH)
"""A busy service is still alive and ready, and tells how busy it is."""


class RequestLimit:
    """Answers 429 with Retry-After when `limit` requests are under way.

    One is under way until its answer begins: how long a client takes to read it is not for others
    to wait for.
    """

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
            await self._pass_on(scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_under_way = True
        self._under_way += 1

        def end() -> None:
            nonlocal is_under_way
            if is_under_way:
                is_under_way = False
                self._under_way -= 1

        async def ending(message: Message) -> None:
            end()
            await send(message)

        try:
            await self._app(scope, receive, ending)
        finally:
            end()


class BodyLimit:
    """Refuses request bodies that are too large, too slow, or too many at once.

    A body may have 4 MiB, and must go on within 10 seconds and end within 60. Bodies may hold
    32 MiB in all; who comes beyond that is told to come again. One that is declared as too large is
    refused before anything of it is read. Nor is that of who may send none (`may_send`), whom the
    app has to refuse: it is given an empty one. What turns out to be over a limit is read and
    thrown away before the answer, so that a client that is still sending gets to read it; past
    64 MiB of one request the connection is simply closed.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        may_send: Callable[[Scope], Awaitable[bool]] | None = None,
        idle_seconds: float = BODY_IDLE_SECONDS,
        total_seconds: float = BODY_TOTAL_SECONDS,
        held_bytes: int = MAX_HELD_BYTES,
    ) -> None:
        self._app = app
        self._may_send = may_send
        self._idle_seconds = idle_seconds
        self._total_seconds = total_seconds
        self._room = held_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its whole body in one message, or answer why not."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):  # no route reads a body
            await self._app(scope, receive, send)
            return
        if (declared := _declared_bytes(scope)) > MAX_BODY_BYTES:
            answer = problem_of(_too_large())
            if declared > MAX_DISCARDED_BYTES:  # else the server reads the rest, and goes on
                answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
            return
        if self._may_send is not None and not await self._may_send(scope):
            await self._app(scope, _replaying(b"", receive), send)
            return
        body = bytearray()
        try:
            refusal = await self._read(receive, body)
            if refusal is not None:
                await problem_of(refusal)(scope, receive, send)
                return
            await self._app(scope, _replaying(bytes(body), receive), send)
        except ClientDisconnect:
            return
        finally:
            self._room += len(body)

    async def _read(self, receive: Receive, body: bytearray) -> RegistryError | None:
        """Fill `body`; what is left of it at the end is what the request holds of the room."""
        refusal: RegistryError | None = None
        received = 0
        more = True
        try:
            async with asyncio.timeout(self._total_seconds):
                while more and received <= MAX_DISCARDED_BYTES:
                    async with asyncio.timeout(self._idle_seconds):
                        message = await receive()
                    if message["type"] != "http.request":
                        raise ClientDisconnect
                    chunk = message.get("body", b"")
                    received += len(chunk)
                    more = message.get("more_body", False)
                    refusal = refusal or self._refusal(received, len(chunk))
                    if refusal is None:
                        body += chunk
                        self._room -= len(chunk)
                    else:
                        self._room += len(body)
                        body.clear()
        except TimeoutError:
            return RequestTooSlow("request_too_slow", "the body did not arrive in time")
        return refusal

    def _refusal(self, received: int, chunk: int) -> RegistryError | None:
        if received > MAX_BODY_BYTES:
            return _too_large()
        if chunk > self._room:
            return TooManyRequests("too_many_bodies", "too many bodies are arriving; try again")
        return None


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Return what gives the body in one message, and then what still comes."""
    pending: list[Message] = [{"type": "http.request", "body": body}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


def _declared_bytes(scope: Scope) -> int:
    """Return the length that a request's head tells of its body; 0 where it tells none."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge("body_too_large", f"the body must be at most {MAX_BODY_BYTES} bytes")
