"""Serves the storage of a FakeRegistry at 127.0.0.1: downloads read from real sockets."""

from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import httpx

from tests.support.serving import Quiet, answering
from tests.unit.client_fake import STORAGE, FakeRegistry


@contextmanager
def serving(fake: FakeRegistry) -> Generator[FakeRegistry]:
    """Have the fake sign downloads for a server that answers as the fake does."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # an answer is two writes: the second would wait for 40 ms

        def do_GET(self) -> None:
            # A proxy is asked by whole URLs.
            url = self.path if self.path.startswith("http:") else f"{STORAGE}{self.path}"
            request = httpx.Request("GET", url, headers=dict(self.headers))
            try:
                _answer(self, fake.handle(request))
            except (httpx.TransportError, ConnectionError):
                self.close_connection = True

    with answering(Handler) as fake.storage_url:
        yield fake


def _answer(handler: BaseHTTPRequestHandler, response: httpx.Response) -> None:
    stream = response.stream
    assert isinstance(stream, httpx.SyncByteStream)
    chunks = list(stream) if isinstance(stream, httpx.ByteStream) else stream
    handler.send_response(response.status_code)
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    if isinstance(chunks, list):
        headers["content-length"] = str(sum(map(len, chunks)))
    elif "content-length" in response.headers:
        headers["content-length"] = response.headers["content-length"]
    else:
        headers["connection"] = "close"
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    for chunk in chunks:
        handler.wfile.write(chunk)
