"""Storage that answers ranges from memory at 127.0.0.1, and breaks off where a test says so."""

import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple

from tests.support.serving import Quiet, answering

CHUNK_BYTES = 16
"""Sent at once, so that the bytes of several answers mix."""


class Range(NamedTuple):
    """Bytes of an object."""

    path: str
    first: int
    end: int
    """First byte behind them."""


class RangeServer:
    """What tests see of the server: what it holds, what it was asked, and when it breaks off."""

    def __init__(self) -> None:
        self.url = ""
        self.objects: dict[str, bytes] = {}
        """By path, without the slash before it."""
        self.asked: list[Range] = []
        """What each request asked for."""
        self.sent: list[Range] = []
        """What was sent of that, piece by piece."""
        self.flips: set[int] = set()
        """Numbers of requests, from 0 on, in whose answers a byte arrives changed."""
        self._lock = threading.Lock()
        self._left: int | None = None
        self._goes_silent = False
        self._spent, self._released = threading.Event(), threading.Event()

    def begin(self, budget_bytes: int | None = None, *, goes_silent: bool = False) -> None:
        """Begin to count anew.

        After `budget_bytes` of bodies no byte is sent any more: each connection is closed, or
        stays open and silent until `release`.
        """
        self.asked, self.sent = [], []
        self._left, self._goes_silent = budget_bytes, goes_silent
        self._spent.clear()
        self._released.clear()

    def wait_until_spent(self) -> None:
        """Wait until the budget is spent; blocking."""
        self._spent.wait()

    def release(self) -> None:
        """End what is silent, and whoever waits."""
        self._spent.set()
        self._released.set()

    def ask(self, asked: Range) -> bytes:
        """Note a request and return the bytes that it is answered with."""
        with self._lock:
            number = len(self.asked)
            self.asked.append(asked)
        data = self.objects[asked.path][asked.first : asked.end]
        if number in self.flips and data:
            place = number % len(data)
            data = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        return data

    def grant(self, wanted: Range) -> int:
        """Return how many of the next bytes may be sent; waits where silence was asked for."""
        with self._lock:
            granted = wanted.end - wanted.first
            if self._left is not None:
                granted = min(granted, self._left)
                self._left -= granted
            self.sent.append(wanted._replace(end=wanted.first + granted))
        if granted == 0:
            self._spent.set()
            if self._goes_silent:
                self._released.wait()
        return granted


@contextmanager
def range_server() -> Generator[RangeServer]:
    """Serve on a port of its own."""
    state = RangeServer()

    class Handler(Quiet, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            try:
                _answer(self, state)
            except ConnectionError:
                self.close_connection = True

    with answering(Handler) as state.url:
        try:
            yield state
        finally:
            state.release()


def _answer(handler: BaseHTTPRequestHandler, state: RangeServer) -> None:
    path = handler.path.partition("?")[0].removeprefix("/")
    size = len(state.objects[path])
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("range", ""))
    first, end = (int(match[1]), int(match[2] or size - 1) + 1) if match else (0, size)
    data = state.ask(Range(path, first, end))
    handler.send_response(206 if match else 200)
    if match:
        handler.send_header("content-range", f"bytes {first}-{end - 1}/{size}")
    handler.send_header("content-length", str(len(data)))
    handler.end_headers()
    for at in range(0, len(data), CHUNK_BYTES):
        chunk = data[at : at + CHUNK_BYTES]
        granted = state.grant(Range(path, first + at, first + at + len(chunk)))
        handler.wfile.write(chunk[:granted])
        if granted < len(chunk):
            handler.close_connection = True
            return
