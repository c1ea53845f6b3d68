"""What a bucket holds, as the reconciler walks it, and small objects that are written once."""

import asyncio
from uuid import uuid4

import pytest

from shared.runtime.settings import Settings
from shared.storage.adapter import Storage
from shared.storage.connection import StorageMissing
from shared.storage.listing import ListedObject
from tests.support.s3 import S3, s3_client

ODD = ("a b", "a+b", "a%20b", "a&b=c", "ünï/日本", "<x>'\"", "emoji 🎈")


@pytest.fixture
async def bucket(storage: Storage) -> str:
    name = f"test-{uuid4().hex}"
    await storage.buckets.make(name)
    return name


@pytest.fixture
def s3(settings: Settings) -> S3:
    return s3_client(settings)


async def listed(storage: Storage, bucket: str, size: int = 500) -> list[list[ListedObject]]:
    return [page async for page in storage.listing.pages(bucket, size=size)]


async def test_the_newest_version_of_each_object_comes_in_order_of_the_keys(
    storage: Storage, s3: S3, bucket: str
) -> None:
    for key, body in (("b", b"1"), ("a", b"12"), ("b", b"123")):
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    [[a, b]] = await listed(storage, bucket)
    assert [(a.key, a.size_bytes), (b.key, b.size_bytes)] == [("a", 2), ("b", 3)]
    newest = await storage.objects.head(bucket, "b")
    assert newest is not None
    assert b.object_version == newest.object_version is not None


async def test_what_is_behind_a_delete_marker_is_hidden(
    storage: Storage, s3: S3, bucket: str
) -> None:
    for key in ("deleted", "kept"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"bytes")
    await storage.objects.remove(bucket, "deleted")
    [[kept]] = await listed(storage, bucket)
    assert kept.key == "kept"


async def test_odd_keys_come_as_they_were_written(storage: Storage, s3: S3, bucket: str) -> None:
    for key in ODD:
        s3.put_object(Bucket=bucket, Key=key, Body=b"bytes")
    [page] = await listed(storage, bucket)
    assert {found.key for found in page} == set(ODD)
    for found in page:
        assert await storage.objects.head(bucket, found.key, found.object_version) is not None


async def test_first_segments_come_once_and_in_their_order_across_pages(
    storage: Storage, s3: S3, bucket: str
) -> None:
    keys = [*ODD, "z", "b/1/x", "b/2/y", "b.c/1/x", "b-c", "c/", "a b/1"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    # MinIO shows nothing beneath an object's own key.
    shown = {key for key in keys if key != "a b/1"}
    segments = {key.split("/")[0] + "/" * ("/" in key) for key in shown}
    for size in (1, 2, 3, 1000):
        pages = [page async for page in storage.listing.names(bucket, size=size)]
        assert max(map(len, pages)) <= size
        assert [name for page in pages for name in page] == sorted(segments)


async def test_pages_are_bounded_and_complete(storage: Storage, s3: S3, bucket: str) -> None:
    keys = [f"{number:02}" for number in range(7)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    pages = await listed(storage, bucket, size=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [found.key for page in pages for found in page] == keys


async def test_an_empty_bucket_has_no_page_and_an_absent_one_is_an_error(
    storage: Storage, bucket: str
) -> None:
    assert await listed(storage, bucket) == []
    with pytest.raises(StorageMissing):
        await listed(storage, f"{bucket}-not-there")


async def test_a_small_object_is_written_once_and_never_over_another(
    storage: Storage, bucket: str
) -> None:
    key = "a b+ü%20/1.json"
    wrote = await asyncio.gather(
        *(storage.objects.put_once(bucket, key, b"%d" % n, "application/json") for n in range(5))
    )
    assert wrote.count(True) == 1
    body = await storage.objects.read(bucket, key, 0, 100)
    assert body == b"%d" % wrote.index(True)
    before = await storage.objects.head(bucket, key)
    assert not await storage.objects.put_once(bucket, key, b"other", "text/plain")
    assert await storage.objects.head(bucket, key) == before


async def test_writing_once_into_an_absent_bucket_is_an_error(
    storage: Storage, bucket: str
) -> None:
    with pytest.raises(StorageMissing):
        await storage.objects.put_once(f"{bucket}-not-there", "key", b"{}", "application/json")
