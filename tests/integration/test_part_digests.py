"""Every ready artifact of more than one part has its part digests, and pages tell each once."""

import os
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from registry.schemas import CompleteRequest, Downloads, SignPartsRequest, Version
from services.admin.left_work import ask_for_left_work
from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.events.indexing import index_objects
from services.indexer.work.workers import work_once
from services.ingest.uploads.completion import complete_upload
from services.ingest.uploads.parts import sign_parts
from services.query.compare.headers import Headers
from services.query.context import Context
from services.query.forwarding import Forwarding
from services.query.search.projection.projection import Projection
from services.query.stream.streams import Streams
from services.query.versions import downloads
from services.query.versions.downloads import sign_downloads
from services.query.versions.feed import VersionFeed
from shared.database.lifecycle import settle
from shared.database.opening import open_version
from shared.database.part_digests import keep_part_digests, read_part_digests
from shared.database.versions import Versions
from shared.domain.part_digests import READ_PART_BYTES, PartDigests
from shared.domain.records import VersionRecord
from shared.kafka.dead_letters import DeadLetter
from shared.runtime.settings import MIB
from shared.storage.connection import StorageUnavailable
from shared.storage.object_parts import PartDigest
from shared.storage.objects import Objects
from shared.storage.urls import UrlSigner
from tests.integration.drafts import draft, verified
from tests.integration.rig import Rig, opened_rig, upload_of
from tests.support.api import parts_of, sha256_of
from tests.support.records import SHA256
from tests.support.servers import Addresses

LARGE = os.urandom(READ_PART_BYTES + MIB)
PARTS = PartDigests.of(
    READ_PART_BYTES, [sha256_of(part) for part in parts_of(LARGE, READ_PART_BYTES).values()]
)
VERSIONS, BOUNDS = 30, 12
"""How many versions are made at random, and how many bounds of pages each is read by."""

Expected = dict[str, list[str]]
"""Part digests by path, in order."""


@pytest.fixture
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    async with opened_rig(addresses) as opened:
        yield opened


@pytest.fixture
def query(rig: Rig) -> Context:
    settings, database = rig.indexer.settings, rig.indexer.database
    versions = Versions(database)
    headers = Headers.of(settings, rig.indexer.storage.objects)
    signer = UrlSigner(settings)
    search = Projection(database, "", check_versions_per_second=1)  # nobody runs it
    streams = Streams(settings)  # nobody reads it
    feed, nobody = VersionFeed(database), Forwarding(httpx.AsyncClient())
    return Context(settings, database, versions, feed, signer, headers, search, nobody, streams)


async def bury_nothing(letter: DeadLetter) -> None:
    pytest.fail(f"became a dead letter: {letter.headers['reason']}")


async def read_whole(rig: Rig) -> VersionRecord:
    """A ready version of an object that nobody attested, of two parts."""
    written = rig.put("churn/1/model.bin", LARGE)
    await index_objects([ObjectWritten(rig.bucket, "churn/1/model.bin", written)], rig.indexer)
    await rig.adopt()
    assert await work_once(rig.indexer, bury_nothing)
    version = await rig.version("churn")
    assert version.state == "ready"
    return version


async def kept(rig: Rig, version: VersionRecord) -> dict[int, PartDigests]:
    indexes = range(len(version.artifacts))
    return await read_part_digests(rig.indexer.database, version.id, indexes)


async def sent_in_parts(rig: Rig, parts: dict[int, bytes]) -> ObjectWritten:
    """A completed upload whose event was not handled yet."""
    session = await rig.open("churn", ("model.bin", b"".join(parts.values())), digest=False)
    wanted = [{"number": number, "sha256": sha256_of(data)} for number, data in parts.items()]
    asked = SignPartsRequest.model_validate({"path": "model.bin", "parts": wanted})
    for signed in (await sign_parts(await upload_of(session, rig.ingest), asked, rig.ingest)).parts:
        answer = await rig.http.put(
            signed.url, content=parts[signed.number], headers=signed.headers
        )
        assert answer.status_code == 200, answer.text
    await complete_upload(await upload_of(session, rig.ingest), CompleteRequest(), rig.ingest)
    return ObjectWritten(rig.bucket, session.files[0].key)


async def test_an_upload_in_parts_has_their_digests_as_soon_as_it_is_ready(rig: Rig) -> None:
    size = rig.ingest.settings.upload_part_size_bytes
    parts = parts_of(LARGE, size)
    [version] = (await index_objects([await sent_in_parts(rig, parts)], rig.indexer)).changed
    assert version.state == "ready"
    digests = [sha256_of(part) for part in parts.values()]
    assert await kept(rig, version) == {0: PartDigests.of(size, digests)}


async def test_a_store_that_fails_at_the_parts_holds_up_no_version(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: object) -> list[PartDigest]:
        raise StorageUnavailable("InternalError")

    monkeypatch.setattr(Objects, "parts", failing)
    parts = parts_of(LARGE, rig.ingest.settings.upload_part_size_bytes)
    [version] = (await index_objects([await sent_in_parts(rig, parts)], rig.indexer)).changed
    assert version.state == "ready"
    assert await kept(rig, version) == {}
    assert await work_once(rig.indexer, bury_nothing)
    assert [*await kept(rig, version)] == [0], "the background read makes them"


async def written_again(rig: Rig, key: str, parts: dict[int, bytes]) -> ObjectWritten:
    """Another object under a key, in parts that storage attests, as a plain S3 client writes it."""
    client: Any = rig.s3
    place = {"Bucket": rig.bucket, "Key": key}
    upload = client.create_multipart_upload(**place, ChecksumAlgorithm="SHA256")["UploadId"]
    told: list[dict[str, Any]] = []
    for number, data in parts.items():
        sent = client.upload_part(
            **place, UploadId=upload, PartNumber=number, Body=data, ChecksumAlgorithm="SHA256"
        )
        digest = {"ChecksumSHA256": sent["ChecksumSHA256"], "ETag": sent["ETag"]}
        told.append({"PartNumber": number, **digest})
    done = client.complete_multipart_upload(
        **place, UploadId=upload, MultipartUpload={"Parts": told}
    )
    return ObjectWritten(rig.bucket, key, done["VersionId"])


async def test_digests_of_another_object_under_the_key_are_never_told(
    rig: Rig, query: Context
) -> None:
    size = rig.ingest.settings.upload_part_size_bytes
    first = await sent_in_parts(rig, parts_of(LARGE, size))
    pinned = await rig.indexer.storage.objects.head(rig.bucket, first.key)
    assert pinned is not None
    other = parts_of(LARGE[::-1], size)
    again = await written_again(rig, first.key, other)
    both = [ObjectWritten(rig.bucket, first.key, pinned.object_version), again]
    [record] = (await index_objects(both, rig.indexer)).changed
    assert record.artifacts[0].object_version == pinned.object_version
    # Whoever is late keeps what it found, though another object was settled.
    late = PartDigests.of(size, [sha256_of(part) for part in other.values()])
    await keep_part_digests(rig.indexer.database, record.id, {0: late})

    version = await Versions(rig.indexer.database).find(record.id)
    assert version is not None
    _, told = await read_pages(version, query)
    assert told == {"model.bin": []}
    assert await work_once(rig.indexer, bury_nothing)
    _, told = await read_pages(version, query)
    digests = [sha256_of(part) for part in parts_of(LARGE, size).values()]
    assert told == {"model.bin": digests}, "the background read makes them"


async def test_an_object_that_was_read_whole_has_the_digests_of_its_parts(rig: Rig) -> None:
    assert await kept(rig, await read_whole(rig)) == {0: PARTS}


async def test_a_version_of_before_is_read_once_more_for_its_part_digests(rig: Rig) -> None:
    version = await read_whole(rig)
    await rig.indexer.database.part_digests.driver.delete_many({})
    assert (await ask_for_left_work(rig.indexer)).to_confirm == 1
    assert (await ask_for_left_work(rig.indexer)).to_confirm == 0, "it is in the queue already"
    assert await work_once(rig.indexer, bury_nothing)
    assert await kept(rig, version) == {0: PARTS}
    assert (await rig.version("churn")).work is None
    assert (await ask_for_left_work(rig.indexer)).to_confirm == 0, "nothing lacks any"


async def test_other_bytes_than_were_verified_are_never_confirmed(rig: Rig) -> None:
    version = await read_whole(rig)
    database = rig.indexer.database
    await database.part_digests.driver.delete_many({})
    await database.versions.driver.update_one(
        {"_id": version.id}, {"$set": {"artifacts.0.sha256": SHA256}}
    )
    await ask_for_left_work(rig.indexer)
    assert await work_once(rig.indexer, bury_nothing)
    after = await rig.version("churn")
    assert after.artifacts[0].sha256 == SHA256
    assert after.work is not None, "it is tried again"
    assert await kept(rig, version) == {}


def random_parts(rng: random.Random) -> PartDigests | None:
    if not (count := rng.choice([0, 1, 2, 3, 7, 20])):
        return None
    return PartDigests(5, rng.randbytes(32 * count))


async def random_version(rig: Rig, name: str, rng: random.Random) -> tuple[Version, Expected]:
    database = rig.indexer.database
    files = [f"f{place:02}" for place in range(rng.choice([1, 2, 5, 12]))]
    record = await open_version(database, draft(name, *files))
    found = {
        index: parts for index in range(len(files)) if (parts := random_parts(rng)) is not None
    }
    await keep_part_digests(database, record.id, found)
    await settle(database, [verified(record, index) for index in range(len(files))])
    version = await Versions(database).find(record.id)
    assert version is not None
    one_part = [SHA256]
    expected = {
        path: found[index].hex(1, 99) if index in found else one_part
        for index, path in enumerate(files)
    }
    return version, expected


async def read_pages(version: Version, query: Context) -> tuple[list[Downloads], Expected]:
    pages: list[Downloads] = []
    told: Expected = {}
    cursor: str | None = None
    while not pages or cursor is not None:
        page = await sign_downloads(version, None, cursor, query)
        for file in page.files:
            before = told.setdefault(file.path, [])
            assert file.first_part == len(before) + 1, "no part is left out or told twice"
            before += file.part_sha256
        pages.append(page)
        cursor = page.next_cursor
    return pages, told


async def test_pages_tell_every_file_and_part_once_and_stay_within_their_bounds(
    rig: Rig, query: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(9)  # noqa: S311 - no secret
    for case in range(VERSIONS):
        version, expected = await random_version(rig, f"model{case}", rng)
        for _ in range(BOUNDS):
            files, parts = rng.choice([1, 2, 3, 50]), rng.choice([1, 2, 3, 10, 500])
            monkeypatch.setattr(downloads, "PAGE_FILES", files)
            monkeypatch.setattr(downloads, "PAGE_PARTS", parts)
            pages, told = await read_pages(version, query)
            assert told == expected
            for page in pages:
                assert 0 < len(page.files) <= files
                assert sum(len(file.part_sha256) for file in page.files) <= parts
