"""What an OIDC issuer publishes, at 127.0.0.1, and everything that may be wrong with it."""

import json
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from joserfc.jwk import Key

from tests.support.serving import Quiet, running

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"

Answer = Callable[[BaseHTTPRequestHandler], None]


class PublishedIssuer:
    """What tests see of the issuer: what it publishes, and what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.documents: dict[str, Any] = {DISCOVERY: {"issuer": url, "jwks_uri": url + KEYS}}
        """By path; text is sent as it is."""
        self.answers: dict[str, Answer] = {}
        """In the place of a document, by path."""
        self.asked: list[str] = []
        """The path of each request."""
        self.forms: list[tuple[str, str, dict[str, str]]] = []
        """Path, Authorization header and fields of each form that it was sent."""
        self.publish()

    def publish(self, *keys: Key | dict[str, Any]) -> None:
        """Have these keys, and no others."""
        listed = [key if isinstance(key, dict) else key.as_dict(private=False) for key in keys]
        self.documents[KEYS] = {"keys": listed}


@contextmanager
def published_issuer(tls: ssl.SSLContext | None = None) -> Generator[PublishedIssuer]:
    """Serve on a port of its own, over TLS where a context is given."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            state.asked.append(self.path)
            if (answer := state.answers.get(self.path)) is not None:
                answer(self)
                return
            document = state.documents.get(self.path)
            text = document if isinstance(document, str) else json.dumps(document)
            send(self, text.encode(), status=404 if document is None else 200)

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["content-length"])).decode()
            credential = self.headers.get("authorization", "")
            state.forms.append((self.path, credential, dict(parse_qsl(text))))
            self.do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scheme = "http"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    state = PublishedIssuer(f"{scheme}://127.0.0.1:{server.server_address[1]}")
    with running(server):
        yield state


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """Answer a request; `_` in a header's name stands for `-`."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
