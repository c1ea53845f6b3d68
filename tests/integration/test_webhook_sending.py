"""Requests to receivers over real sockets: where they go, and what they do not wait for."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from time import monotonic

import pytest
import trustme

from local.processes.ports import HOST
from services.notifier.sending.sender import Outcome, Sender
from tests.support.accepting import accepting
from tests.support.isolation import SETTINGS
from tests.support.receiver import HANG, receiver

BODY = b"{}"
HEADERS = {"content-type": "application/json"}


def port_of(url: str) -> str:
    return url.partition("//")[2].partition("/")[0].rpartition(":")[2]


@asynccontextmanager
async def sending(*answers: Sequence[str], **changes: object) -> AsyncGenerator["Asked"]:
    """A sender that may reach this machine; names stand for the answers, one after the other."""
    usual = {"webhook_allowed_networks": "127.0.0.0/8", "webhook_allow_http": True}
    limits = {"webhook_timeout_seconds": 1.0, "webhook_connect_seconds": 0.5}
    settings = SETTINGS.model_copy(update={**usual, **limits, **changes})
    left = list(answers)

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.names.append(host)
        return left.pop(0) if len(left) > 1 else left[0]

    async with Sender.open(settings, resolve if answers else None) as sender:
        asked = Asked(sender)
        yield asked


class Asked:
    """A sender, and the names that it asked for."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self.names: list[str] = []

    async def post(self, url: str) -> Outcome:
        return await self._sender.post(url, HEADERS, BODY)


async def test_an_answer_is_told_with_its_status_and_what_it_took() -> None:
    with receiver() as hook:
        hook.behave(lambda _: (503, {"retry-after": "7"}))
        async with sending() as asked:
            found = await asked.post(hook.url)
    assert (found.status, found.error, found.retry_after) == (503, "", 7)
    assert not found.is_delivered
    assert hook.received[0].headers["content-length"] == "2"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "224.0.0.1"]
)
async def test_a_name_that_stands_for_an_address_of_ours_is_not_connected_to(address: str) -> None:
    with receiver() as hook:
        async with sending([address], webhook_allowed_networks="") as asked:
            found = await asked.post(f"http://innocent.example:{port_of(hook.url)}/")
        assert found.error == "refused_address"
        assert hook.received == []


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "localhost", "[::1]"])
async def test_this_machine_is_not_reached_however_it_is_written(host: str) -> None:
    with receiver() as hook:
        async with sending(webhook_allowed_networks="") as asked:
            found = await asked.post(f"http://{host}:{port_of(hook.url)}/")
        assert found.error in ("refused_address", "connection")
        assert hook.received == []


async def test_a_name_is_asked_for_once_and_the_address_that_was_checked_is_connected_to() -> None:
    """A name that stands for something else the second time leads nowhere else."""
    with receiver() as hook:
        async with sending(["127.0.0.1"], ["10.255.255.1"]) as asked:
            found = await asked.post(f"http://rebinding.example:{port_of(hook.url)}/")
        assert found.is_delivered
        assert asked.names == ["rebinding.example"]
        assert hook.received[0].headers["host"].startswith("rebinding.example")


async def test_of_several_addresses_those_that_are_allowed_are_tried() -> None:
    with receiver() as hook:
        async with sending(["10.0.0.1", "127.0.0.77", "127.0.0.1"]) as asked:
            found = await asked.post(f"http://several.example:{port_of(hook.url)}/")
        assert found.is_delivered


async def test_a_redirection_is_not_followed() -> None:
    with receiver() as hook, receiver() as elsewhere:
        hook.behave(lambda _: (302, {"location": elsewhere.url}))
        async with sending() as asked:
            found = await asked.post(hook.url)
        assert found.status == 302
        assert not found.is_delivered
        assert elsewhere.received == []


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as hook, receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with sending() as asked:
            assert (await asked.post(hook.url)).is_delivered
        assert proxy.received == []


async def test_http_is_refused_unless_it_is_allowed() -> None:
    with receiver() as hook:
        async with sending(webhook_allow_http=False) as asked:
            assert (await asked.post(hook.url)).error == "refused_address"
        assert hook.received == []


async def test_an_address_is_asked_for_as_it_was_given() -> None:
    with receiver() as hook:
        async with sending() as asked:
            url = hook.url.replace("/hook", "/a;b=1/c;d=2?x=1;y=2")
            assert (await asked.post(url)).is_delivered
    assert hook.received[0].path == "/a;b=1/c;d=2?x=1;y=2"


async def test_an_address_of_ipv6_is_named_in_brackets() -> None:
    async with sending(["127.0.0.1"]) as asked:
        with receiver() as hook:
            assert (await asked.post(f"http://[::1]:{port_of(hook.url)}/")).is_delivered
    assert hook.received[0].headers["host"] == f"[::1]:{port_of(hook.url)}"


async def test_who_hangs_is_given_up_in_time() -> None:
    with receiver() as hook:
        hook.behave(lambda _: HANG)
        async with sending() as asked:
            began = monotonic()
            found = await asked.post(hook.url)
        assert found.error == "timeout"
        assert 900 <= found.milliseconds <= 5000
        assert monotonic() - began < 10


async def test_who_does_not_listen_or_has_no_name_is_told() -> None:
    async with sending() as asked:
        assert (await asked.post("http://127.0.0.1:9/")).error == "connection"
        assert (await asked.post("http://absent.invalid/")).error == "connection"


@asynccontextmanager
async def raw_server(answer: bytes, *, again: bytes = b"") -> AsyncGenerator[str]:
    """Answer with bytes, and then with the same piece again and again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        while again:
            writer.write(again)
            await writer.drain()

    async with accepting(serve) as port:
        yield f"http://{HOST}:{port}/"


async def test_an_endless_answer_is_read_to_its_bound() -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    async with (
        raw_server(head, again=b"400\r\n" + b"x" * 1024 + b"\r\n") as url,
        sending() as asked,
    ):
        found = await asked.post(url)
    assert found.status == 200
    assert found.detail == "x" * 256


async def test_what_is_no_http_is_a_failure() -> None:
    async with raw_server(b"SSH-2.0-OpenSSH\r\n\r\n") as url, sending() as asked:
        assert (await asked.post(url)).error == "answer"


async def test_what_it_answers_is_kept_without_what_a_terminal_would_obey() -> None:
    answer = b"HTTP/1.1 400 No\r\ncontent-length: 8\r\n\r\n\x1b[2Jbad\xff"
    async with raw_server(answer) as url, sending() as asked:
        found = await asked.post(url)
    assert found.status == 400
    assert found.detail.isprintable()
    assert "bad" in found.detail


@pytest.mark.parametrize(("name", "is_trusted"), [("hook.example", True), ("other.example", False)])
async def test_a_certificate_is_held_against_the_name_and_not_the_address(
    tmp_path: Path, name: str, is_trusted: bool
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hook.example").configure_cert(context)  # pyright: ignore[reportUnknownMemberType]

    def with_tls(server: ThreadingHTTPServer) -> None:
        server.socket = context.wrap_socket(server.socket, server_side=True)

    with receiver(with_tls) as hook:
        trust = {"webhook_ca_file": str(tmp_path / "ca.pem"), "webhook_allow_http": False}
        async with sending(["127.0.0.1"], **trust) as asked:
            found = await asked.post(f"https://{name}:{port_of(hook.url)}/")
        assert found.is_delivered == is_trusted
        assert found.error == ("" if is_trusted else "tls")
