"""A registry, or storage, that answers anything at all: each call ends, with an error of ours."""

import gzip
from typing import Any

import httpx
import pytest

from registry import AsyncModelRegistryClient, RetryPolicy
from registry.errors import ProtocolError, RegistryError
from tests.unit.client_fake import URL, FakeRegistry
from tests.unit.endless import CHUNK, Endless


def answering(answer: httpx.Response, path: str = "/v1/me") -> AsyncModelRegistryClient:
    """A client of a registry that answers this to what is asked at a path."""
    fake = FakeRegistry()
    fake.faults.append(lambda request: answer if request.url.path == path else None)
    return AsyncModelRegistryClient(URL, transport=fake.transport(), retry=RetryPolicy(attempts=1))


@pytest.mark.parametrize("status", [200, 403])
async def test_an_answer_without_end_is_given_up(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry._services.MAX_ANSWER_BYTES", 4 * len(CHUNK))
    endless = Endless()
    async with answering(httpx.Response(status, stream=endless)) as client:
        with pytest.raises(ProtocolError, match="answers more than"):
            await client.whoami()
    assert endless.sent == 5 * len(CHUNK)


async def test_what_grows_when_it_is_unpacked_is_not_unpacked() -> None:
    packed = httpx.Response(200, content=gzip.compress(CHUNK), headers={"content-encoding": "gzip"})
    async with answering(packed) as client:
        with pytest.raises(ProtocolError, match="compressed, unasked"):
            await client.whoami()


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 403, "content": b"[" * 200_000},
        {"status_code": 200, "content": b'{"a":' * 200_000},
        {"status_code": 403, "content": b'{"code": ' + b"9" * 5000 + b"}"},
        {"status_code": 503, "headers": {"retry-after": "9" * 400}},
        {"status_code": 503, "headers": {"retry-after": "Thu, 01 Jan 2026 00:00:00 +" + "9" * 14}},
        {"status_code": 302, "headers": {"location": "http://[::1"}},
    ],
    ids=lambda each: str(each)[:60],
)
async def test_what_cannot_be_read_is_an_error_of_ours(answer: dict[str, Any]) -> None:
    async with answering(httpx.Response(**answer)) as client:
        with pytest.raises(RegistryError):
            await client.whoami()


@pytest.mark.parametrize("items", [0, 1])
async def test_pages_that_never_go_on_are_given_up(items: int) -> None:
    model = {"name": "m", "version_count": 1, "sequence": 1, "created_at": "2026-01-01T00:00:00Z"}
    page = httpx.Response(200, json={"items": [model] * items, "next_cursor": "again"})
    async with answering(page, "/v1/models") as client:
        with pytest.raises(ProtocolError, match="pages"):
            [each async for each in client.list_models()]


@pytest.mark.parametrize("url", ["http://[::1", "http://a:99999", "http://storage.test/\x01"])
async def test_a_signed_url_that_is_no_address_is_an_error_of_ours(url: str) -> None:
    fake = FakeRegistry()
    fake.upload_url = url
    async with fake.client() as client:
        with pytest.raises(ProtocolError) as caught:
            await client.upload("m", b"one")
    assert fake.signature not in str(caught.value)


async def test_storage_that_answers_without_end_is_given_up() -> None:
    fake, endless = FakeRegistry(), Endless()

    def fault(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(400, stream=endless) if request.method == "PUT" else None

    fake.faults.append(fault)
    async with fake.client() as client:
        with pytest.raises(ProtocolError, match="answers more than"):
            await client.upload("m", b"one")
    assert endless.sent <= 2 * len(CHUNK)
