"""A small HTTPS server, and a proxy that is asked to CONNECT to it."""

import select
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.certificates import Issued
from tests.support.serving import Quiet, answering, running


@contextmanager
def https_server(issued: Issued, body: bytes) -> Generator[str]:
    """Answer every GET and PUT with these bytes; yields the address."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_GET  # noqa: N815 - as http.server calls it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.cert, issued.key)

    class Server(ThreadingHTTPServer):
        def finish_request(self, request: Any, client_address: Any) -> None:
            # The handshake is the thread's own: a client that ends it must not end the server.
            try:
                with context.wrap_socket(request, server_side=True) as secured:
                    super().finish_request(secured, client_address)
            except OSError:
                return

    with running(Server(("127.0.0.1", 0), Handler)) as port:
        yield f"https://127.0.0.1:{port}"


@contextmanager
def connect_proxy() -> Generator[tuple[str, list[str]]]:
    """Pass connections on; yields the proxy's address, and whom it was asked to connect to."""
    asked: list[str] = []

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            asked.append(self.path)
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host, int(port)), timeout=10) as target:
                self.send_response(200)
                self.end_headers()
                _pass_on(self.connection, target)
            self.close_connection = True

    with answering(Handler) as url:
        yield url, asked


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    while True:
        ready, _, _ = select.select([one, other], [], [], 10)
        for source in ready:
            try:
                data = source.recv(65536)
            except OSError:
                return
            if not data:
                return
            (other if source is one else one).sendall(data)
        if not ready:
            return
