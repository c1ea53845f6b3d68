"""Tokens for Kafka: asked for once, renewed before they end, and kept where that fails."""

import asyncio
import base64
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiokafka.errors import KafkaError

from registry.kafka import oauth
from registry.kafka.oauth import ClientCredentials, TokenUnavailable
from tests.support.serving import Quiet, answering


@dataclass
class Issuer:
    """An address that gives tokens, at 127.0.0.1."""

    url: str = ""
    status: int = 200
    body: bytes | None = None
    is_silent: bool = False
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list[Any])
    released: threading.Event = field(default_factory=threading.Event)

    def answer(self) -> bytes:
        if self.body is not None:
            return self.body
        token = {"access_token": f"token-{len(self.asked)}", "expires_in": 100}
        return json.dumps(token).encode()


@pytest.fixture
def issuer(socket_enabled: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Issuer()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            state.asked.append((self.headers["authorization"], form))
            if state.is_silent:
                state.released.wait()
                return
            body = state.answer()
            self.send_response(state.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with answering(Handler) as url:
        state.url = f"{url}/token"
        try:
            yield state
        finally:
            state.released.set()


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def provider(issuer: Issuer, clock: Clock | None = None, **options: Any) -> ClientCredentials:
    context = ssl.create_default_context()
    return ClientCredentials(
        issuer.url, "the client", "a secret/+", context=context, clock=clock or Clock(), **options
    )


async def test_it_is_asked_for_by_client_credentials(issuer: Issuer) -> None:
    assert await provider(issuer, scope="kafka events").token() == "token-1"
    [(credentials, form)] = issuer.asked
    # RFC 6749, 2.3.1: both are encoded as in a form before they go into the header.
    assert base64.b64decode(credentials.removeprefix("Basic ")) == b"the+client:a+secret%2F%2B"
    assert form == {"grant_type": ["client_credentials"], "scope": ["kafka events"]}


async def test_many_connections_share_one(issuer: Issuer) -> None:
    shared = provider(issuer)
    assert set(await asyncio.gather(*(shared.token() for _ in range(20)))) == {"token-1"}
    assert len(issuer.asked) == 1


async def test_it_is_renewed_before_it_ends(issuer: Issuer) -> None:
    clock = Clock()
    found = provider(issuer, clock)
    await found.token()
    clock.now += 79
    assert await found.token() == "token-1"
    clock.now += 2
    assert await found.token() == "token-2"


async def test_one_that_lives_serves_where_the_renewal_fails_and_one_that_ended_does_not(
    issuer: Issuer,
) -> None:
    clock = Clock()
    found = provider(issuer, clock)
    await found.token()
    issuer.status = 503
    clock.now += 90
    assert await found.token() == "token-1"
    assert await found.token() == "token-1"
    assert len(issuer.asked) == 2, "and it is not asked again at once"
    clock.now += 10
    with pytest.raises(TokenUnavailable, match="answered 503"):
        await found.token()
    issuer.status = 200
    assert await found.token() == "token-4"


@pytest.mark.parametrize(
    ("status", "body", "reason", "is_refused"),
    [
        (401, b'{"error": "invalid_client"}', "answered 401 invalid_client", True),
        (400, b"<html>secret of a page</html>", "answered 400$", True),
        (500, b"{}", "answered 500", False),
        (302, b"", "answered 302", False),
        (200, b"no json", "the answer has none", False),
        (200, b'{"access_token": "a\\u0001b"}', "the answer has none", False),
        (200, b'{"access_token": "t", "expires_in": "soon"}', "how long", False),
        (200, b" " * (oauth.MAX_ANSWER_BYTES + 1), "too large", False),
    ],
)
async def test_what_is_no_token_is_told(
    issuer: Issuer, status: int, body: bytes, reason: str, is_refused: bool
) -> None:
    issuer.status, issuer.body = status, body
    with pytest.raises(TokenUnavailable, match=reason) as caught:
        await provider(issuer).token()
    assert caught.value.is_refused is is_refused
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value, KafkaError), "to aiokafka it is a connection that failed"


async def test_an_address_that_is_silent_is_not_waited_for(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth, "TIMEOUT_SECONDS", 0.05)
    issuer.is_silent = True
    with pytest.raises(TokenUnavailable, match="Timeout"):
        await provider(issuer).token()


async def test_an_address_that_nobody_answers_at_is_told(issuer: Issuer) -> None:
    issuer.url = "http://127.0.0.1:1/token"
    with pytest.raises(TokenUnavailable, match="ConnectError"):
        await provider(issuer).token()
