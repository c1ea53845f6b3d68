"""All streams of the process: what they share, and their end."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.query.stream.admission import Admission
from services.query.stream.beginning import Beginning, From, find_beginning
from services.query.stream.history import History
from services.query.stream.reader import Follower, Reader
from services.query.stream.tail import Tail
from shared.runtime.settings import Settings
from shared.runtime.tasks import end

RETRY_MS = (1000, 5000)
"""After how long a browser connects again, drawn for each: they are cut off together."""


class Streams:
    """Opens streams, and ends them when the process ends."""

    def __init__(self, settings: Settings) -> None:
        self._admission = Admission(
            settings.query_max_streams, settings.query_max_streams_per_principal
        )
        self.tail = Tail(settings)
        self._history = History(settings)
        self._readers: set[Reader] = set()
        self._is_ending = False

    async def run(self) -> None:
        """Read the topic until cancelled."""
        await self.tail.run()

    async def open(
        self, follower: Follower, last_event_id: str | None, start: From, *, follow: bool
    ) -> "EventStream":
        """Return the answer that streams events.

        Raises TooManyRequests, StreamsFull, InvalidRequest, Gone, StreamsUnavailable.
        """
        leave = self._admission.admit(follower.principal.id)
        try:
            beginning = await find_beginning(
                last_event_id,
                start,
                follower.principal.id,
                follow=follow,
                tail=self.tail,
                history=self._history,
            )
        except BaseException:
            leave()
            raise
        return EventStream(self, follower, beginning, leave)

    def begin_end(self) -> None:
        """End all streams, each with the place to go on from: the process ends."""
        self._is_ending = True
        for reader in self._readers:
            reader.end_soon()
        self.tail.wake()

    async def read(self, follower: Follower, beginning: Beginning, send: Any) -> None:
        """Send one reader's events until the stream ends."""
        reader = Reader(follower, beginning, self.tail, self._history, send)
        self._readers.add(reader)
        if self._is_ending:
            reader.end_soon()
        try:
            await reader.run(random.randint(*RETRY_MS))  # noqa: S311 - no secret
        finally:
            self._readers.discard(reader)

    def health(self) -> dict[str, Any]:
        """Return what streams wait for, nothing where they go on, and their figures."""
        ring, away = self.tail.ring, self.tail.away
        waits_for = [away] if away else [] if ring else ["model events are being read"]
        trouble = self.tail.mark.trouble()
        return {
            "waits_for": waits_for + ([trouble] if trouble else []),
            "streams": self._admission.count,
            "waiting_for_the_past": self._history.waiting,
            "events_kept": ring.end - ring.first if ring else 0,
            "bytes_kept": ring.bytes_kept if ring else 0,
        }


class EventStream(Response):
    """An answer of Server-Sent Events. It ends at once where its reader goes away."""

    media_type = "text/event-stream"

    def __init__(
        self,
        streams: Streams,
        follower: Follower,
        beginning: Beginning,
        leave: Callable[[], None],
    ) -> None:
        self._streams, self._follower, self._beginning = streams, follower, beginning
        self._leave = leave
        self.status_code = 200
        self.background = None
        # nginx would collect what it passes on.
        self.init_headers({"x-accel-buffering": "no"})
        # The length of an empty body, which Starlette adds.
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until it ends, or the reader is gone."""
        try:
            await self._stream(receive, send)
        finally:
            self._leave()

    async def _stream(self, receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )

        async def send_piece(piece: bytes) -> None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})

        reading = asyncio.create_task(
            self._streams.read(self._follower, self._beginning, send_piece)
        )
        leaving = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait((reading, leaving), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await end(reading, leaving)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
