"""Multipart uploads in a real store: verified part by part, joined once."""

import hashlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest

from shared.domain.digests import composite
from shared.runtime.settings import MIB, Settings
from shared.storage.adapter import Storage
from shared.storage.cleaning import abort_open_uploads
from shared.storage.connection import StorageMissing, StorageRefused
from shared.storage.multipart import StoredPart

PARTS = {1: os.urandom(5 * MIB), 2: os.urandom(1000)}
DIGESTS = {number: hashlib.sha256(data).hexdigest() for number, data in PARTS.items()}


class Upload:
    """One multipart upload under a key of its own."""

    def __init__(self, storage: Storage, bucket: str, http: httpx.AsyncClient) -> None:
        self.calls, self.urls, self.objects = storage.multipart, storage.urls, storage.objects
        self.bucket, self.key, self.http = bucket, f"model/{uuid4().hex}/ü +.bin", http
        self.id = ""

    async def begin(self) -> None:
        self.id = await self.calls.create(self.bucket, self.key)

    async def send(self, number: int, data: bytes | None = None) -> int:
        """Send a part by its signed URL; returns the status."""
        planned = PARTS[number]
        body = planned if data is None else data
        request = self.urls.part(
            self.bucket,
            self.key,
            multipart_id=self.id,
            number=number,
            size_bytes=len(planned),
            sha256=DIGESTS[number],
            ttl_seconds=60,
        )
        headers = {**request.headers, "content-length": str(len(body))}
        return (await self.http.put(request.url, content=body, headers=headers)).status_code

    async def complete(self) -> None:
        await self.calls.complete(self.bucket, self.key, self.id, await self.parts())

    async def parts(self) -> list[StoredPart]:
        return await self.calls.parts(self.bucket, self.key, self.id)


@pytest.fixture
async def upload(storage: Storage, settings: Settings) -> AsyncIterator[Upload]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        begun = Upload(storage, settings.minio_bucket, http)
        await begun.begin()
        yield begun


async def test_the_object_carries_the_composite_digest_of_its_parts(upload: Upload) -> None:
    for number in (2, 1):
        assert await upload.send(number) == 200
    await upload.complete()
    found = await upload.objects.head(upload.bucket, upload.key)
    assert found is not None
    assert found.size_bytes == sum(map(len, PARTS.values()))
    assert found.composite == composite(DIGESTS.values())
    assert found.sha256 is None


async def test_storage_lists_its_parts_in_order_with_the_digests_it_verified(
    upload: Upload,
) -> None:
    assert await upload.parts() == []
    for number in (2, 1):
        await upload.send(number)
    found = [(part.number, part.size_bytes, part.sha256) for part in await upload.parts()]
    assert found == [(n, len(PARTS[n]), DIGESTS[n]) for n in (1, 2)]


async def test_more_parts_than_one_page_are_listed_to_the_end(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.storage.multipart._LIST_LIMIT", 1)
    for number in (1, 2):
        await upload.send(number)
    assert [part.number for part in await upload.parts()] == [1, 2]


@pytest.mark.parametrize(
    ("body", "status"),
    [(bytes(1000), 400), (PARTS[2][:-1], 403), (b"", 403)],
    ids=["altered", "truncated", "empty"],
)
async def test_other_bytes_than_signed_are_no_part(
    upload: Upload, body: bytes, status: int
) -> None:
    assert await upload.send(2, body) == status
    assert await upload.parts() == []


async def test_a_repeated_complete_says_that_the_upload_is_gone_and_the_object_stays(
    upload: Upload,
) -> None:
    await upload.send(2)
    parts = await upload.parts()
    await upload.complete()
    with pytest.raises((StorageMissing, StorageRefused)):
        await upload.calls.complete(upload.bucket, upload.key, upload.id, parts)
    assert await upload.objects.head(upload.bucket, upload.key) is not None


async def test_a_second_upload_under_the_key_does_not_replace_the_object(upload: Upload) -> None:
    await upload.send(2)
    await upload.complete()
    first = await upload.objects.head(upload.bucket, upload.key)
    await upload.begin()
    await upload.send(2)
    with pytest.raises(StorageRefused) as caught:
        await upload.complete()
    assert caught.value.s3_code == "PreconditionFailed"
    assert await upload.objects.head(upload.bucket, upload.key) == first


async def test_an_abort_drops_the_parts_and_may_be_repeated(upload: Upload) -> None:
    await upload.send(2)
    for _ in range(2):
        await upload.calls.abort(upload.bucket, upload.key, upload.id)
    with pytest.raises(StorageMissing) as caught:
        await upload.parts()
    assert caught.value.s3_code == "NoSuchUpload"
    assert await upload.objects.head(upload.bucket, upload.key) is None


async def test_completing_without_a_part_that_was_named_makes_no_object(upload: Upload) -> None:
    await upload.send(2)
    parts = await upload.parts()
    missing = [*parts, StoredPart(3, 1, parts[0].etag, parts[0].sha256)]
    with pytest.raises(StorageRefused):
        await upload.calls.complete(upload.bucket, upload.key, upload.id, missing)
    assert await upload.objects.head(upload.bucket, upload.key) is None


async def ids_of(upload: Upload, prefix: str) -> set[str]:
    pages = upload.calls.open_uploads(upload.bucket, prefix=prefix)
    return {found.multipart_id async for page in pages for found in page}


async def test_open_uploads_of_a_key_are_listed_until_they_end(upload: Upload) -> None:
    ids = {upload.id, *[await upload.calls.create(upload.bucket, upload.key) for _ in range(4)]}
    assert await ids_of(upload, upload.key) == ids
    assert ids <= await ids_of(upload, "")
    await upload.send(2)
    await upload.complete()
    assert await ids_of(upload, upload.key) == ids - {upload.id}


async def test_all_open_uploads_of_a_key_are_aborted_though_storage_tells_of_one_page(
    upload: Upload, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        await upload.calls.create(upload.bucket, upload.key)
    monkeypatch.setattr("shared.storage.multipart._LIST_LIMIT", 2)
    assert len(await ids_of(upload, upload.key)) == 2, "MinIO does not go on from a marker"
    await abort_open_uploads(upload.bucket, upload.key, storage)
    assert await ids_of(upload, upload.key) == set()


async def test_an_open_upload_tells_its_key_and_since_when(upload: Upload) -> None:
    [page] = [page async for page in upload.calls.open_uploads(upload.bucket, prefix=upload.key)]
    [found] = page
    assert found.key == upload.key
    assert abs((found.initiated_at - datetime.now(UTC)).total_seconds()) < 60
