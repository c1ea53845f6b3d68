"""Model events over HTTP, as Server-Sent Events: read over as many connections as it takes.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import logging
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from typing import cast

import anyio
import httpx

from registry._api import Api
from registry._retry import RetryPolicy
from registry._services import Params
from registry.errors import ProtocolError, UnavailableError

PATH = "/v1/events"
SILENT_SECONDS = 45.0
"""Longest time without anything: the service sends a heartbeat every 15 seconds."""
MAX_EVENT_BYTES = 4 << 20
"""Of an event on the way, or of any line; events of the topic have less than 1 MiB."""
TOO_LONG = f"the registry sends an event, or a line, of over {MAX_EVENT_BYTES} bytes"
END = "end"

logger = logging.getLogger("registry.subscription")


@dataclass(frozen=True, slots=True)
class Sent:
    """An event as it came."""

    id: str
    type: str
    data: bytes


class EventSource:
    """One stream of events, and where it is; it may be opened, read and closed again and again."""

    def __init__(
        self, api: Api, params: Params, retry: RetryPolicy, last_event_id: str | None = None
    ) -> None:
        self._api, self._params, self._retry = api, params, retry
        self.last_event_id = last_event_id
        """Where the stream goes on: behind the event that was given last."""
        self._connection: AsyncExitStack | None = None
        self._events: AsyncIterator[Sent] | None = None
        self._is_unread = False
        self._failures = 0

    async def open(self, retry: RetryPolicy | None = None) -> None:
        """Connect, and fix the place to begin at; raises what a call does, once it gives up."""
        retry, failures = retry or self._retry, 0
        while self._connection is None:
            try:
                await self._connect()
            except (httpx.TransportError, UnavailableError) as error:
                failures += 1
                after = error.retry_after_seconds if isinstance(error, UnavailableError) else None
                delay = retry.delay(failures, after)
                if delay is None:
                    if isinstance(error, UnavailableError):
                        raise
                    raise UnavailableError(_told(error)) from error
                await anyio.sleep(delay)

    async def read(self) -> AsyncGenerator[Sent]:
        """Yield events, for ever or until the service says that these were all."""
        for_ever = replace(self._retry, attempts=sys.maxsize)
        if not self._is_unread:
            await self.close()  # of a reading that was left, which may yet be closed by Python
        while True:
            await self.open(for_ever)
            self._is_unread, connection, events = False, self._connection, self._events
            assert events is not None  # noqa: S101 - as `open` leaves it
            try:
                async for event in events:
                    self._failures = 0
                    if event.type != END:
                        yield event
                    elif b'"reason":"complete"' in event.data:
                        return
                    else:
                        logger.info("the stream of events ends: %s", event.data.decode())
            except (httpx.TransportError, UnavailableError) as error:
                logger.warning("following events again after: %s", _told(error))
            finally:
                if self._connection is connection:
                    await self.close()
            # Also where the service has ended it: whoever is cut off comes back later and later.
            self._failures += 1
            await anyio.sleep(for_ever.delay(self._failures) or 0)

    async def close(self) -> None:
        """Close the connection; reading again goes on from there."""
        connection, self._connection, self._events = self._connection, None, None
        if connection is not None:
            await connection.aclose()

    async def aclose(self) -> None:
        """Close the connection, and what would make another one."""
        await self.close()
        await self._api.aclose()

    async def _connect(self) -> None:
        headers = {} if self.last_event_id is None else {"last-event-id": self.last_event_id}
        async with AsyncExitStack() as stack:
            answer = await stack.enter_async_context(
                self._api.streaming(PATH, self._params, headers, SILENT_SECONDS)
            )
            if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                raise ProtocolError("the registry answers no stream of events")
            events = await stack.enter_async_context(aclosing(self._parse(answer)))
            # The first lines have no event, but the place where it begins.
            first = await anext(events, None)
            if first is None or first.data:
                raise ProtocolError("the registry answers no stream of events")
            self._events = events
            self._connection, self._is_unread = stack.pop_all(), True

    async def _parse(self, answer: httpx.Response) -> AsyncGenerator[Sent]:
        """Yield events; where only the place has changed, one without data at the beginning."""
        kind, identity, data, is_begun = "message", self.last_event_id or "", list[bytes](), False
        size = 0
        async with aclosing(_lines(answer)) as lines:
            async for line in lines:
                if line:
                    name, _, value = line.partition(b":")
                    value = value.removeprefix(b" ")
                    if name == b"data":
                        data.append(value)
                        size += len(line)
                        if size > MAX_EVENT_BYTES:
                            raise ProtocolError(TOO_LONG)
                    elif name == b"event":
                        kind = value.decode(errors="replace")
                    elif name == b"id" and b"\0" not in value:
                        identity = value.decode(errors="replace")
                    continue
                self.last_event_id = identity or None
                if data or not is_begun:
                    is_begun = True
                    yield Sent(identity, kind, b"\n".join(data))
                kind, data, size = "message", [], 0


async def _lines(answer: httpx.Response) -> AsyncGenerator[bytes]:
    """Yield the lines of an answer; raises ProtocolError for one that is too long."""
    rest = b""
    async with aclosing(cast("AsyncGenerator[bytes]", answer.aiter_bytes())) as chunks:
        async for chunk in chunks:
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line.removesuffix(b"\r")
            if len(rest) > MAX_EVENT_BYTES:
                raise ProtocolError(TOO_LONG)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
