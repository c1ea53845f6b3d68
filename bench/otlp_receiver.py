"""Takes traces by OTLP over HTTP and drops them; prints its port when it listens."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(BaseHTTPRequestHandler):
    """Answers every POST with 200, on connections that stay open."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read what came, and say that it was taken."""
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def main() -> None:
    """Listen on a free port of this machine until killed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    print(server.server_port, flush=True)
    server.serve_forever()


main()
