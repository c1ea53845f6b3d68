"""Whom the client trusts, for each kind of its connections, also through a proxy."""

import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

import registry
from registry._certificates import find_certificates
from registry.schemas import SignedRequest
from registry.transfer.download.abort import Abort
from registry.transfer.download.connections import Connections
from registry.transfer.download.routes import find_route
from registry.transfer.storage import Storage
from tests.support.certificates import Authority
from tests.support.tls_servers import connect_proxy, https_server

BODY = b"0123456789" * 50_000
NAMES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REGISTRY_CA_FILE")


@pytest.fixture(autouse=True)
def _no_environment(socket_enabled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def address(authority: Authority) -> Iterator[str]:
    """Of a server of the authority."""
    with https_server(authority.issue("server"), BODY) as url:
        yield url


@pytest.fixture(params=["argument", "REGISTRY_CA_FILE", "SSL_CERT_FILE"])
def ca_file(
    request: pytest.FixtureRequest, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Path | None:
    """Have the authority named in each way there is; what is left for the argument."""
    if request.param == "argument":
        return authority.ca
    monkeypatch.setenv(request.param, str(authority.ca))
    return None


async def put(url: str, ca_file: Path | None) -> str:
    """Send a signed PUT as uploads do, and return what came of it."""

    async def body() -> AsyncGenerator[bytes]:
        yield b"x"

    storage = Storage(
        timeout_seconds=10,
        concurrency=1,
        transport=None,
        certificates=find_certificates(ca_file),
    )
    signed = SignedRequest.model_validate(
        {
            "method": "PUT",
            "url": f"{url}/k?X-Amz-Signature=s",
            "headers": {"content-length": "1"},
            "expires_at": "2030-01-01T00:00:00Z",
        }
    )
    try:
        return (await storage.put(signed, body())).kind
    finally:
        await storage.aclose()


def read(url: str, ca_file: Path | None) -> bytes:
    """Read as downloads do."""
    connections = Connections(find_certificates(ca_file), read_seconds=10)
    try:
        connection, _ = connections.take(find_route(url), Abort())
        connection.request("GET", "/k")
        content = connection.getresponse().read()
        connections.give(connection, keep=True)
        return content
    finally:
        connections.close()


async def test_an_upload_trusts_the_clients_own_authority(
    address: str, ca_file: Path | None
) -> None:
    assert await put(address, ca_file) == "done"


def test_a_download_trusts_the_clients_own_authority(address: str, ca_file: Path | None) -> None:
    assert read(address, ca_file) == BODY


async def test_through_the_environments_proxy_the_server_is_trusted_as_without(
    address: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect_proxy() as (proxy, asked):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        assert await put(address, authority.ca) == "done"
        assert read(address, authority.ca) == BODY
        with pytest.raises(registry.CertificateError):
            await put(address, None)
    assert asked == 3 * [address.removeprefix("https://")]


async def test_one_that_is_not_trusted_is_told_at_once_and_sent_nothing(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "secret")
    begun = time.monotonic()
    async with registry.AsyncModelRegistryClient(address) as client:
        with pytest.raises(registry.CertificateError, match="REGISTRY_CA_FILE") as caught:
            await client.get_model_info("m")
    assert caught.value.place == address
    with pytest.raises(registry.CertificateError, match="not trusted") as refused:
        await put(address, None)
    assert "Signature" not in str(refused.value)
    assert time.monotonic() - begun < 5
