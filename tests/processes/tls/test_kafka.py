"""Kafka lets in who proves who they are, by each of its ways, and what it refuses is told."""

import base64
import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

import registry
from registry.cli import run
from tests.processes.machine import Machine
from tests.support.certificates import Authority
from tests.support.secured_servers import KAFKA_USER, SecuredServers
from tests.support.serving import Quiet, answering

pytestmark = pytest.mark.servers


@pytest.fixture
def by_token(environment: dict[str, str]) -> dict[str, str]:
    """What a client of Kafka proves who it is with, where it does so by a token."""
    return {
        "sasl_mechanism": "OAUTHBEARER",
        "sasl_username": "",
        "sasl_password": "",
        "bootstrap_servers": environment["KAFKA_BOOTSTRAP_SERVERS"],
        "oauth_client_id": "somebody",
        "oauth_client_secret": "secret",
    }


@contextmanager
def token_server() -> Generator[tuple[str, list[str]]]:
    """An address that gives tokens, and what it was asked with.

    They are unsigned, which Kafka's validator for tests takes; it reads their claims all the same.
    """
    asked: list[str] = []

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.headers["authorization"])
            now = int(time.time())
            claims = {"sub": KAFKA_USER, "iat": now, "exp": now + 600}
            parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
            encoded = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
            body = json.dumps({"access_token": f"{'.'.join(encoded)}.", "expires_in": 600}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with answering(Handler) as url:
        yield f"{url}/token", asked


async def test_a_wrong_password_of_a_service_is_told_by_readiness(
    folder: Path, environment: dict[str, str]
) -> None:
    async with Machine.beside(folder, environment) as machine:
        await machine.launch("indexer", KAFKA_SASL_PASSWORD="another")
        await machine.until_it_waits_for(
            "indexer", "Kafka (wrong credentials: SaslAuthenticationFailed)"
        )


async def test_a_service_may_prove_itself_by_a_token(
    folder: Path, environment: dict[str, str], by_token: dict[str, str]
) -> None:
    with token_server() as (address, asked):
        settings = {f"KAFKA_{name.upper()}": value for name, value in by_token.items()}
        async with Machine.beside(folder, environment) as machine:
            await machine.launch("indexer", **settings, KAFKA_OAUTH_TOKEN_URL=address)
            await machine.until_it_waits_for("indexer")
    assert asked


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
async def test_a_subscriber_may_prove_itself_by_each_kind_of_password(
    url: str, servers: SecuredServers, environment: dict[str, str], mechanism: Any
) -> None:
    kafka = servers.kafka_security(
        sasl_mechanism=mechanism, bootstrap_servers=environment["KAFKA_BOOTSTRAP_SERVERS"]
    )
    async with registry.subscribe(url, kafka=kafka):
        pass


async def test_a_subscriber_may_prove_itself_by_a_token(
    url: str, servers: SecuredServers, by_token: dict[str, str]
) -> None:
    with token_server() as (address, asked):
        kafka = servers.kafka_security(**by_token, oauth_token_url=address)
        async with registry.subscribe(url, kafka=kafka):
            pass
    assert len(asked) == 1, "all connections share a token"


async def test_what_kafka_refuses_is_told_to_a_subscriber(
    url: str, servers: SecuredServers, tmp_path: Path
) -> None:
    wrong = servers.kafka_security(sasl_password="another")
    with pytest.raises(registry.AccessDeniedError, match="wrong credentials"):
        await registry.subscribe(url, kafka=wrong).__aenter__()
    stranger = servers.kafka_security(ca_file=str(Authority(tmp_path).ca))
    with pytest.raises(registry.CertificateError, match="REGISTRY_KAFKA_CA_FILE"):
        await registry.subscribe(url, kafka=stranger).__aenter__()


def test_the_command_reads_events_by_the_environment(
    url: str,
    servers: SecuredServers,
    model: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    security = servers.kafka_security()
    given = ("security_protocol", "sasl_username", "sasl_password")
    for name in (*given, "client_cert_file", "client_key_file"):  # and REGISTRY_CA_FILE
        monkeypatch.setenv(f"REGISTRY_KAFKA_{name.upper()}", getattr(security, name))
    with registry.ModelRegistryClient(url) as client:
        client.upload(model, b"bytes", path="model.bin")
    assert run(["events", "--url", url, "--model", model]) == 0
    assert f"{model}/1 version.ready.v1" in capfd.readouterr().out
