"""A real HTTP server at 127.0.0.1 that answers by a function, and remembers what it was asked."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import httpx

from tests.support.serving import Quiet, answering

Handle = Callable[[httpx.Request], httpx.Response]


@dataclass
class Served:
    """A server, and its requests so far; as a proxy it is asked by whole URLs."""

    url: str = ""
    requests: list[httpx.Request] = field(default_factory=list[httpx.Request])


@contextmanager
def served(handle: Handle) -> Generator[Served]:
    """Answer every request by `handle` while the block runs."""
    found = Served()

    class Handler(Quiet, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            url = self.path if self.path.startswith("http:") else found.url + self.path
            length = int(self.headers.get("content-length", "0"))
            body = self.rfile.read(length)
            request = httpx.Request(self.command, url, headers=dict(self.headers), content=body)
            found.requests.append(request)
            response = handle(request)
            content = b"".join(response.stream)  # pyright: ignore[reportArgumentType, reportUnknownArgumentType] - never asynchronous here
            self.send_response(response.status_code)
            for name, value in response.headers.items():
                if name != "content-length":
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - names of http.server

    with answering(Handler) as found.url:
        yield found
