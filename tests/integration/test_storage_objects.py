"""Objects in a real store: what signed uploads are refused for, and how objects are read."""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.runtime.settings import Settings
from shared.storage.adapter import Storage
from shared.storage.connection import StorageMissing
from shared.storage.signing import Credentials, PresignedRequest, presign
from tests.support.s3 import s3_client

BODY = b"weights of a model" * 100
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def key() -> str:
    return f"model {uuid4().hex}/1/a+b%20c/ünï.bin"


def signed_put(
    storage: Storage, settings: Settings, key: str, sha256: str | None = SHA256
) -> PresignedRequest:
    return storage.urls.put(
        settings.minio_bucket, key, size_bytes=len(BODY), sha256=sha256, ttl_seconds=60
    )


async def send(
    http: httpx.AsyncClient,
    request: PresignedRequest,
    body: bytes = BODY,
    **changed: str | None,
) -> httpx.Response:
    """Send a signed request; keywords replace or (None) drop headers, `_` standing for `-`."""
    headers = dict(request.headers)
    for name, value in changed.items():
        headers.pop(name.replace("_", "-"))
        if value is not None:
            headers[name.replace("_", "-")] = value
    return await http.request(request.method, request.url, content=body, headers=headers)


async def test_a_signed_put_stores_the_bytes_and_storage_attests_their_digest(
    storage: Storage, settings: Settings, http: httpx.AsyncClient, key: str
) -> None:
    answer = await send(http, signed_put(storage, settings, key))
    assert answer.status_code == 200, answer.text
    found = await storage.objects.head(settings.minio_bucket, key)
    assert found is not None
    assert (found.size_bytes, found.sha256, found.composite) == (len(BODY), SHA256, None)
    assert found.object_version is not None, "the bucket keeps versions"


async def test_without_a_promised_digest_storage_attests_nothing(
    storage: Storage, settings: Settings, http: httpx.AsyncClient, key: str
) -> None:
    answer = await send(http, signed_put(storage, settings, key, sha256=None))
    assert answer.status_code == 200, answer.text
    found = await storage.objects.head(settings.minio_bucket, key)
    assert found is not None
    assert (found.sha256, found.composite) == (None, None)


@pytest.mark.parametrize(
    ("body", "changed", "status"),
    [
        (b"x" * len(BODY), {}, 400),  # another body than the checksum says
        (BODY[:-1], {"content_length": str(len(BODY) - 1)}, 403),  # another length
        (BODY, {"x_amz_checksum_sha256": "A" * 43 + "="}, 403),  # another checksum
        (BODY, {"x_amz_checksum_sha256": None}, 400),  # a signed header is missing
        (BODY, {"if_none_match": None}, 400),
    ],
    ids=["body", "length", "checksum", "no checksum", "no if-none-match"],
)
async def test_storage_refuses_what_was_not_signed_and_keeps_nothing_of_it(
    storage: Storage,
    settings: Settings,
    http: httpx.AsyncClient,
    key: str,
    body: bytes,
    changed: dict[str, str | None],
    status: int,
) -> None:
    answer = await send(http, signed_put(storage, settings, key), body, **changed)
    assert answer.status_code == status, answer.text
    assert await storage.objects.head(settings.minio_bucket, key) is None


async def test_a_second_write_under_the_key_is_refused(
    storage: Storage, settings: Settings, http: httpx.AsyncClient, key: str
) -> None:
    request = signed_put(storage, settings, key)
    assert (await send(http, request)).status_code == 200
    assert (await send(http, request)).status_code == 412


async def test_an_expired_url_is_refused(
    storage: Storage, settings: Settings, http: httpx.AsyncClient, key: str
) -> None:
    request = presign(
        "PUT",
        f"http://{settings.minio_endpoint}",
        f"/{settings.minio_bucket}/{key}",
        Credentials(
            settings.minio_access_key.get_secret_value(),
            settings.minio_secret_key.get_secret_value(),
            settings.minio_region,
        ),
        now=datetime.now(UTC) - timedelta(seconds=61),
        expires_in_seconds=60,
        headers={"content-length": str(len(BODY))},
    )
    answer = await send(http, request)
    assert answer.status_code == 403
    assert "expired" in answer.text.lower()


async def test_a_download_url_is_pinned_to_the_object_version(
    storage: Storage, settings: Settings, http: httpx.AsyncClient, key: str
) -> None:
    await send(http, signed_put(storage, settings, key))
    first = await storage.objects.head(settings.minio_bucket, key)
    assert first is not None
    overwrite = signed_put(storage, settings, key, sha256=None)
    await storage.objects.remove(settings.minio_bucket, key)  # a delete marker frees the key
    assert (await send(http, overwrite, b"y" * len(BODY))).status_code == 200
    pinned = storage.urls.get(
        settings.minio_bucket, key, object_version=first.object_version, ttl_seconds=60
    )
    latest = storage.urls.get(settings.minio_bucket, key, object_version=None, ttl_seconds=60)
    assert (await http.get(pinned.url)).content == BODY
    assert (await http.get(latest.url)).content == b"y" * len(BODY)


async def test_ranges_and_streams_give_the_exact_bytes(
    storage: Storage, settings: Settings, http: httpx.AsyncClient, key: str
) -> None:
    await send(http, signed_put(storage, settings, key))
    bucket = settings.minio_bucket
    assert await storage.objects.read(bucket, key, 0, 7) == BODY[:7]
    assert await storage.objects.read(bucket, key, 11, 5) == BODY[11:16]
    assert await storage.objects.read(bucket, key, len(BODY) - 3, 10) == BODY[-3:]
    chunks = [chunk async for chunk in storage.objects.stream(bucket, key)]
    assert b"".join(chunks) == BODY


async def test_what_is_not_there_is_told_apart_from_failure(
    storage: Storage, settings: Settings, key: str
) -> None:
    bucket = settings.minio_bucket
    assert await storage.objects.head(bucket, key) is None
    with pytest.raises(StorageMissing):
        await storage.objects.read(bucket, key, 0, 1)
    await storage.objects.remove(bucket, key)


async def test_a_page_that_was_uploaded_is_downloaded_as_a_file_and_never_shown(
    storage: Storage, settings: Settings, http: httpx.AsyncClient
) -> None:
    key = f"model/{uuid4().hex}/pägé 1.html"
    page = b"<script>alert(document.domain)</script>"
    client: Any = s3_client(settings)
    client.put_object(Bucket=settings.minio_bucket, Key=key, Body=page, ContentType="text/html")
    signed = storage.urls.get(settings.minio_bucket, key, object_version=None, ttl_seconds=60)
    answer = await http.get(signed.url)
    assert answer.content == page
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"p_g_ 1.html\"; filename*=UTF-8''p%C3%A4g%C3%A9%201.html"
    )
    shown = signed.url.replace("application%2Foctet-stream", "text%2Fhtml")
    assert (await http.get(shown)).status_code == 403, "it is part of the signature"
