"""Where Hydra has people sign in: a form for a name, and nobody is asked what they allow."""

from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.hydra import Hydra, running_hydra
from tests.support.oidc_issuer import send
from tests.support.serving import Quiet, running

FORM = (
    '<!doctype html><title>Acme</title><form method="post">'
    '<label>Name <input name="name"></label><button>Log in</button></form>'
)


@contextmanager
def hydra_with_people(folder: Path, groups: dict[str, list[str]]) -> Generator[Hydra]:
    """Have Hydra running inside the block, with these people and their groups."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/login":
                send(self, FORM.encode(), content_type="text/html")
                return
            challenge = parse_qs(parts.query)["consent_challenge"][0]
            asked = hydra.consent(challenge)
            claims: dict[str, Any] = {
                "groups": groups[asked["subject"]],
                "name": asked["subject"].title(),
            }
            told: dict[str, Any] = {"grant_scope": ["openid"], "session": {"id_token": claims}}
            self._lead_to(hydra.accept("consent", challenge, **told))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            challenge = parse_qs(urlsplit(self.path).query)["login_challenge"][0]
            name = parse_qs(body)["name"][0]
            self._lead_to(hydra.accept("login", challenge, subject=name))

        def _lead_to(self, address: str) -> None:
            send(self, b"", status=303, location=address)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    with running(server), running_hydra(folder, url) as hydra:
        yield hydra
