"""Where a client's token goes, seen by real servers: to the services, and nowhere else."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from registry import AsyncModelRegistryClient, RetryPolicy, UntrustedOriginError
from registry.errors import ServiceError
from tests.unit.client_fake import FakeRegistry, identity
from tests.unit.wire_server import Served, served

TOKEN = "mr_4f2a_the-token-that-must-not-leak"
BEARER = f"Bearer {TOKEN}"


@pytest.fixture(autouse=True)
def reachable(socket_enabled: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def elsewhere() -> Iterator[Served]:
    """A server that takes whatever comes, as a thief would."""
    with served(lambda _request: httpx.Response(200, json={"items": []})) as server:
        yield server


def leading_to(**addresses: str) -> httpx.Response:
    events = {"bootstrap_servers": "kafka.test:9092", "topic": "model-events"}
    return httpx.Response(200, json={**addresses, "events": events})


def client(url: str, *origins: str) -> AsyncModelRegistryClient:
    return AsyncModelRegistryClient(
        url, token=TOKEN, origins=origins, retry=RetryPolicy(attempts=1)
    )


def carried(requests: list[httpx.Request]) -> dict[str, set[str | None]]:
    """The credentials that each host was sent."""
    found: dict[str, set[str | None]] = {}
    for request in requests:
        assert TOKEN not in str(request.url)
        assert TOKEN.encode() not in request.content
        found.setdefault(request.url.host, set()).add(request.headers.get("authorization"))
    return found


async def test_an_origin_that_discovery_alone_names_is_not_even_asked(elsewhere: Served) -> None:
    def rogue(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1"
        return leading_to(ingest_url=elsewhere.url, query_url=elsewhere.url)

    with served(rogue) as registry:
        async with client(registry.url) as asking:
            with pytest.raises(UntrustedOriginError, match=elsewhere.url):
                await asking.get_model_info("m")
            with pytest.raises(UntrustedOriginError):
                await asking.upload("m", b"w")
            with pytest.raises(UntrustedOriginError):
                await asking.tokens.revoke("4f2a")
    assert elsewhere.requests == []
    assert carried(registry.requests) == {"127.0.0.1": {None}}, "discovery is public"


async def test_an_origin_that_the_user_names_too_is_sent_the_token(elsewhere: Served) -> None:
    def leads(_request: httpx.Request) -> httpx.Response:
        return leading_to(ingest_url=elsewhere.url, query_url=f"{elsewhere.url}/")

    with served(leads) as registry:
        async with client(registry.url, elsewhere.url) as asking:
            assert [model async for model in asking.list_models()] == []
    assert carried(elsewhere.requests) == {"127.0.0.1": {BEARER}}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirection_is_followed(elsewhere: Served, status: int) -> None:
    def redirects(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1":
            return leading_to(ingest_url=registry.url, query_url=registry.url)
        return httpx.Response(status, headers={"location": f"{elsewhere.url}{request.url.path}"})

    with served(redirects) as registry:
        async with client(registry.url) as asking:
            for ask in (asking.whoami(), asking.get_model_info("m")):
                with pytest.raises(ServiceError, match=f"redirects to {elsewhere.url}") as caught:
                    await ask
                assert caught.value.status == status
    assert elsewhere.requests == []


async def test_who_the_caller_is_is_asked_at_the_registrys_own_address(elsewhere: Served) -> None:
    with served(
        lambda _request: httpx.Response(200, json=identity("token:1", "token"))
    ) as registry:
        async with client(registry.url) as asking:
            assert (await asking.whoami()).principal == "token:1"
    assert [request.url.path for request in registry.requests] == ["/v1/me"]


@pytest.mark.parametrize("size_bytes", [3, 2500])
async def test_storage_is_sent_no_credential_by_uploads_and_downloads(
    size_bytes: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake = FakeRegistry(single_put_max_bytes=1000)
    with served(fake.handle) as storage:
        fake.storage_url = fake.upload_url = storage.url
        transport = fake.transport()
        services = ("http://ingest.test", "http://query.test")
        async with AsyncModelRegistryClient(
            "http://registry.test",
            token=TOKEN,
            origins=services,
            transport=StorageOutside(transport),
        ) as asking:
            version = await asking.upload("m", size_bytes * b"w")
            await asking.download("m", version.number, to=tmp_path / "back")
    assert {request.method for request in storage.requests} == {"PUT", "GET"}
    assert carried(storage.requests) == {"127.0.0.1": {None}}
    assert "cookie" not in {name for request in storage.requests for name in request.headers}
    assert TOKEN not in caplog.text


async def test_storage_behind_a_proxy_is_sent_no_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeRegistry(single_put_max_bytes=1000)
    services = ("http://ingest.test", "http://query.test")
    with served(fake.handle) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        async with client("http://registry.test", *services) as asking:
            for content in (b"small", 2500 * b"w"):
                version = await asking.upload("m", content)
                await asking.download("m", version.number, to=tmp_path / "back")
    assert carried(proxy.requests) == {
        "registry.test": {None},
        "ingest.test": {BEARER},
        "query.test": {BEARER},
        "storage.test": {None},
    }


async def test_no_token_is_in_an_error_or_a_repr() -> None:
    fake = FakeRegistry()
    fake.identities = {"administrator-5ec2e7": identity("administrator", "administrator")}
    async with fake.client(token=TOKEN, origins=(fake.ingest_url, fake.query_url)) as asking:
        with pytest.raises(ServiceError) as caught:
            await asking.whoami()
        made = await asking.tokens.create("ci", ["reader:*"])
        session = await asking.declare_upload("m", b"w")
    told = f"{caught.value!r} {caught.value.__notes__} {made!r} {session!r} {vars(asking)!r}"
    for secret in (TOKEN, made.token, session.token):
        assert secret
        assert secret not in told
    assert json.loads(made.model_dump_json())["token"] == made.token


class StorageOutside(httpx.AsyncBaseTransport):
    """Services in memory, and all else over the network."""

    def __init__(self, services: httpx.AsyncBaseTransport) -> None:
        self._services, self._network = services, httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        inside = request.url.host.endswith(".test")
        return await (self._services if inside else self._network).handle_async_request(request)

    async def aclose(self) -> None:
        await self._network.aclose()
