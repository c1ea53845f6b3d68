"""Connections of the HTTP server, with the bounds that uvicorn's parser lacks.

It limits neither the size of a request's head nor the time that it takes to come, nor how many
requests wait for their turn; what a client goes on sending after its answer is read for ever, and
whoever reads no answer is waited for, for ever.
Bodies of requests are bounded in shared/web.
"""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_CONNECTIONS = 4096
"""Connections of one process; those beyond it are closed as they come."""
MAX_HEAD_BYTES = 64 * 1024
"""Bytes that the head of a request may have, its first packet aside."""
MAX_HEADERS = 128
MAX_WAITING = 16
"""Requests of one connection that wait for those before to be answered. Hardly any client sends
some, and the server would keep all that it reads: 20 bytes to send are 2 kilobytes to keep."""
HEAD_SECONDS = 20.0
"""Within so long a new connection has to bring the whole head of a request; and so has one on
which something comes after an answer, be it the next head or more of a body that was answered."""
LEFTOVER_SECONDS = 10.0
"""How long a client may go on sending a head that is refused already."""
UNREAD_SECONDS = 60.0
"""How long a client may read next to nothing of what it was answered."""
FLUSH_SECONDS = 60.0
"""How long a client may take to read what it was answered, once its connection is to be closed."""

AT_END = "at_end"
"""Of the application's state, what is called as soon as the server begins to end: requests under
way are waited for, and those that last for ever have to end by themselves."""
OWN_HEADERS = "own_headers"
"""Of the application's state, what tells by a path which of the headers that every answer gets are
not added, as the application has others in their place."""


class BoundedProtocol(HttpToolsProtocol):
    """A connection that is closed where its client sends too much, or too slowly."""

    _in_head = False
    _head_bytes = 0
    _is_refused = False
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(  # pyright: ignore[reportIncompatibleMethodOverride] - as uvicorn's own
        self, transport: asyncio.Transport
    ) -> None:
        """Begin to wait for a request; refuse what is too much."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        else:
            self._expect_within(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._expect_nothing()
        self._expect_no_reader()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for the client to read, and not for ever."""
        super().pause_writing()
        self._expect_no_reader()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client reads."""
        self._expect_no_reader()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Pass on what came, unless the head grows too long."""
        if self._is_refused:
            return  # it is read over, so that the client gets to read its answer
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return
        super().data_received(data)
        if self._deadline is not None or self.transport.is_closing():
            return
        if self.cycle.response_complete:
            self._expect_within(HEAD_SECONDS)

    def on_message_begin(self) -> None:
        """Count the head of a new request."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """Handle the request; its head is there in time."""
        self._in_head = False
        self._expect_nothing()
        if len(self.headers) > MAX_HEADERS:
            raise ValueError("too many headers")  # the parser turns it into 400
        if len(self.pipeline) >= MAX_WAITING:
            raise ValueError("too many requests wait")
        super().on_headers_complete()
        if (own_headers := self.app_state.get(OWN_HEADERS)) is not None:
            own = own_headers(self.scope["path"])
            kept = self.cycle.default_headers
            self.cycle.default_headers = [each for each in kept if each[0] not in own]

    def shutdown(self) -> None:
        """End once what is under way is answered; have what would go on for ever told of it."""
        if (at_end := self.app_state.get(AT_END)) is not None:
            at_end()
        super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """Close the idle connection, also where the client does not read its last answer."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(FLUSH_SECONDS, self.transport.abort)

    def _refuse(self, status: HTTPStatus) -> None:
        self._is_refused = True
        self.logger.warning("Request refused: %s", status.phrase)
        end = b"content-length: 0\r\nconnection: close\r\n\r\n"
        fixed = [b": ".join(each) + b"\r\n" for each in self.server_state.default_headers]
        self.transport.write(b"".join([STATUS_LINE[status], *fixed, end]))
        self._expect_within(LEFTOVER_SECONDS)

    def _expect_within(self, seconds: float) -> None:
        self._expect_nothing()
        self._deadline = self.loop.call_later(seconds, self._on_deadline)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expect_no_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _on_deadline(self) -> None:
        self._deadline = None
        self.transport.abort()
