"""Receivers of webhooks: HTTP servers that keep what they are sent, and do as they are told."""

import json
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.eventually import eventually
from tests.support.serving import Quiet, running

HANG = "hang"
"""Answer nothing until the receiver ends, or is told to behave otherwise."""


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    status: int
    """What it was answered; 0: nothing."""

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        """The CloudEvent, in structured mode."""
        return json.loads(self.body)


Answer = int | str | tuple[int, dict[str, str]]
"""A status, HANG, or a status with headers."""
Behaviour = Callable[[Received], Answer]


@dataclass
class Receiver:
    """What a receiver got, and how it answers."""

    url: str = ""
    received: list[Received] = field(default_factory=list[Received])
    behaviour: Behaviour = lambda _: 204
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def accepted(self) -> list[Received]:
        """What it took, in order."""
        return [each for each in self.received if 200 <= each.status < 300]

    def behave(self, behaviour: Behaviour) -> None:
        """Answer otherwise from now on; whoever hangs is let go."""
        self.behaviour = behaviour
        self.released.set()
        self.released = threading.Event()

    async def until_accepted(self, count: int, seconds: float = 30) -> list[Received]:
        """Wait until it has taken so many, and return them."""

        async def look() -> list[Received] | None:
            return self.accepted if len(self.accepted) >= count else None

        return await eventually(look, seconds)

    async def until_received(self, count: int, seconds: float = 30) -> list[Received]:
        """Wait until so many requests have come, and return them."""

        async def look() -> list[Received] | None:
            return self.received if len(self.received) >= count else None

        return await eventually(look, seconds)


class _Patient(ThreadingHTTPServer):
    """A server that says nothing of senders that are killed."""

    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


@contextmanager
def receiver(wrap: Callable[[ThreadingHTTPServer], None] = lambda _: None) -> Generator[Receiver]:
    """Receive at an address of its own while the block runs; `wrap` may put TLS around it."""
    kept = Receiver()
    lock = threading.Lock()

    class Handler(Quiet, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = Received(self.path, headers, body, 0)
            with lock:
                answer = kept.behaviour(seen)
                released = kept.released
                status = answer if isinstance(answer, int) else 0
                further: dict[str, str] = {}
                if isinstance(answer, tuple):
                    status, further = answer
                kept.received.append(Received(self.path, headers, body, status))
            if not status:
                released.wait(60)
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in further.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

    server = _Patient(("127.0.0.1", 0), Handler)
    wrap(server)
    with running(server) as port:
        kept.url = f"http://127.0.0.1:{port}/hook"
        try:
            yield kept
        finally:
            kept.behave(lambda _: 204)
