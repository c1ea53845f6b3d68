"""What the running services give away, believe, and put up with over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from local.processes.ports import HOST
from registry import AsyncModelRegistryClient, NotFoundError
from registry.schemas import Discovery
from shared.runtime.settings import Settings
from tests.support.access import bearer
from tests.support.addresses import transport_from
from tests.support.api import MIB, Api, file_of
from tests.support.problems import problem


@pytest.fixture(params=["ingest", "query"])
def service(request: pytest.FixtureRequest, api: Api) -> httpx.AsyncClient:
    return getattr(api, request.param)


@pytest.fixture
async def elsewhere(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Query, as somebody at another address reaches it."""
    transport = transport_from("127.0.0.2")
    url = f"http://{HOST}:{settings.query_port}"
    async with httpx.AsyncClient(transport=transport, base_url=url, timeout=60) as client:
        yield client


async def raw(settings: Settings, request: bytes) -> bytes:
    """Send bytes to ingest and return what it says until it closes, or has said one head."""
    reader, writer = await asyncio.open_connection(HOST, settings.registry_port)
    try:
        writer.write(request)
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        return getattr(error, "partial", b"")
    finally:
        writer.close()


async def test_every_answer_is_told_to_be_no_page_and_names_no_server(
    service: httpx.AsyncClient,
) -> None:
    nobody = {"authorization": "Bearer nobody"}
    answers = [
        await service.get("/v1"),
        await service.get("/health/ready"),
        await service.get("/openapi.json"),
        await service.get("/v1/me"),
        await service.get("/v1/nothing"),
        await service.put("/v1"),
        await service.get("/v1/me", headers=nobody),
    ]
    assert [each.status_code for each in answers] == [200, 200, 200, 200, 404, 405, 401]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-request-id"]
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers, "users reach it by http"
    assert answers[3].headers["cache-control"] == "no-store"


async def test_what_is_no_http_is_answered_without_naming_the_server(settings: Settings) -> None:
    answer = (await raw(settings, b"nonsense\r\n\r\n")).lower()
    assert answer.startswith(b"http/1.1 400")
    assert b"x-content-type-options: nosniff" in answer
    assert b"uvicorn" not in answer


async def test_an_error_of_the_client_tells_the_id_of_its_request(settings: Settings) -> None:
    async with AsyncModelRegistryClient(f"http://{HOST}:{settings.registry_port}") as client:
        with pytest.raises(NotFoundError) as caught:
            await client.get_version(f"model-{uuid4().hex}")
    assert len(caught.value.request_id or "") == 32


async def test_addresses_come_from_the_settings_alone(
    service: httpx.AsyncClient, settings: Settings
) -> None:
    games = {
        "host": "evil.example",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "forwarded": "host=evil.example;proto=https",
        "x-original-url": "/v1/tokens",
    }
    answer = await service.get("/v1", headers=games)
    found = Discovery.model_validate_json(answer.content)
    assert (found.ingest_url, found.query_url) == (settings.ingest_url, settings.query_url)
    for path in ("/v1/", "/v1/models/"):
        answer = await service.get(path, headers=games)
        assert answer.status_code == 404
        assert "location" not in answer.headers


async def test_signed_urls_lead_to_the_storage_of_the_settings(
    api: Api, settings: Settings
) -> None:
    body = {"model": f"model-{uuid4().hex}", "files": [file_of("a", b"bytes")]}
    games = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    answer = await api.ingest.post("/v1/uploads", json=body, headers=games)
    assert answer.status_code == 201
    url = answer.json()["files"][0]["put"]["url"]
    assert httpx.URL(url).netloc.decode() == settings.storage_public_endpoint
    assert "evil" not in answer.text


async def test_a_flood_of_wrong_tokens_is_looked_up_no_further_and_hinders_nobody(
    elsewhere: httpx.AsyncClient, settings: Settings
) -> None:
    right = bearer(settings)
    assert (await elsewhere.get("/v1/models", headers=right)).status_code == 200

    async def wrong(number: int) -> int:
        headers = {
            "authorization": f"Bearer mr_{number:016x}_{uuid4().hex}{uuid4().hex}",
            "x-forwarded-for": f"203.0.113.{number % 256}",  # nobody is believed
        }
        return (await elsewhere.get("/v1/models", headers=headers)).status_code

    async def flood() -> list[int]:
        return list(await asyncio.gather(*(wrong(number) for number in range(2000))))

    flooding = asyncio.create_task(flood())
    answered = 0
    while not flooding.done():
        assert (await elsewhere.get("/v1/models", headers=right)).status_code == 200
        answered += 1
    statuses = await flooding
    assert set(statuses) == {401, 429}
    assert statuses.count(401) < 1000
    assert answered > 0
    refused = await elsewhere.get("/v1/models", headers={"authorization": "Bearer mr_other_one"})
    if refused.status_code == 429:  # unless the machine was slow
        assert int(refused.headers["retry-after"]) >= 1


async def test_a_body_that_is_declared_as_too_large_is_refused_before_it_is_sent(
    settings: Settings,
) -> None:
    answer = await raw(
        settings,
        b"POST /v1/uploads HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
        b"expect: 100-continue\r\ncontent-length: 5000000\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 413"), answer


async def test_bodies_of_who_is_nobody_take_no_room_from_others(
    api: Api, settings: Settings, model: str
) -> None:
    """All bodies together may hold 32 MiB, for a minute each where they come slowly."""
    head = (
        b"POST /v1/uploads HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer mr_0000000000000000_0\r\ncontent-length: 4000000\r\n\r\n"
    )
    half_sent: list[asyncio.StreamWriter] = []
    try:
        for _ in range(12):
            reader, writer = await asyncio.open_connection(HOST, settings.registry_port)
            half_sent.append(writer)
            writer.write(head + b" " * 3_500_000)
            await writer.drain()
            async with asyncio.timeout(30):
                answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 401"), answer
        body = {"model": model, "files": [file_of("a", b"x")]}
        assert (await api.ingest.post("/v1/uploads", json=body)).status_code == 201
    finally:
        for writer in half_sent:
            writer.close()


async def test_a_large_head_is_read_and_one_without_end_is_refused(settings: Settings) -> None:
    begin = b"GET /v1 HTTP/1.1\r\nhost: a\r\nx: "
    answer = await raw(settings, begin + b"x" * 60_000 + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200"), answer
    answer = await raw(settings, begin + b"x" * 4 * MIB)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431"), answer


async def test_connections_that_send_nothing_hinder_nobody(
    service: httpx.AsyncClient, settings: Settings
) -> None:
    ports = (settings.registry_port, settings.query_port)
    idle = [await asyncio.open_connection(HOST, port) for port in ports for _ in range(200)]
    try:
        assert (await service.get("/v1/me")).status_code == 200
    finally:
        for _, writer in idle:
            writer.close()


@pytest.mark.parametrize(
    "name",
    [
        'a"; filename=evil.html; x="',
        "a%0d%0aSet-Cookie: x=1",
        "a&X-Amz-Expires=999999&versionId=null",
        "a#b?c=d&response-content-type=text/html",
        "page.html",
        "ünï code «quoted».svg",
    ],
)
async def test_a_file_name_changes_nothing_of_a_signed_url_but_its_own_name(
    api: Api, model: str, name: str
) -> None:
    data = b"<script>alert(1)</script>"
    session = await api.open(model, file_of(name, data))
    await api.put(session.files[0], data)
    await api.ready(session)
    [signed] = (await api.downloads(model, 1)).files
    url = httpx.URL(signed.url)
    assert sorted(url.params.keys()) == [
        *("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires"),
        *("X-Amz-Signature", "X-Amz-SignedHeaders"),
        *("response-content-disposition", "response-content-encoding", "response-content-type"),
        "versionId",
    ]
    assert len(url.params.multi_items()) == 10
    answer = await api.storage.get(signed.url)
    assert answer.content == data
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert "set-cookie" not in answer.headers
    forged = signed.url.replace("application%2Foctet-stream", "text%2Fhtml")
    assert forged != signed.url
    assert (await api.storage.get(forged)).status_code == 403


async def test_a_name_with_a_line_break_is_refused(api: Api, model: str) -> None:
    body = {"model": model, "files": [file_of("a\r\nSet-Cookie: x=1", b"x")]}
    problem(await api.ingest.post("/v1/uploads", json=body), 422, "invalid_request")
