"""Serves the storage of a FakeRegistry at 127.0.0.1: downloads read from real sockets."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from tests.unit.client_fake import STORAGE, FakeRegistry


@contextmanager
def serving(fake: FakeRegistry) -> Generator[FakeRegistry]:
    """Have the fake sign downloads for a server that answers as the fake does."""

    class Handler(BaseHTTPRequestHandler):
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

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.storage_url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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
