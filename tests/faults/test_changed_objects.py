"""Objects that are changed between their event and the check, by whoever may write to the bucket.

They are written with S3 credentials as further object versions, or deleted for good. Only a disk
that lies is played in MinIO's data folder: there is no other way to it.
"""

import os
from typing import Any
from urllib.parse import unquote_plus

import pytest

from tests.faults.harness import kafka_groups
from tests.faults.harness.ledger import Upload
from tests.faults.harness.outages import Servers
from tests.faults.harness.running_registry import Harness
from tests.faults.harness.waiting import until, until_true
from tests.support.api import MIB

pytestmark = pytest.mark.servers

DATA = os.urandom(4000)
CHANGES = {
    "truncated": DATA[:-1],
    "flipped": bytes([DATA[0] ^ 1]) + DATA[1:],
    "swapped": os.urandom(4000),
}


async def strays(registry: Harness, code: str, count: int) -> None:
    """Wait until so many objects are reported for this reason."""

    async def look() -> bool:
        return await registry.view.database.strays.count_documents({"code": code}) >= count

    await until_true(f"{count} strays: {code}", look)


async def test_what_is_written_over_an_object_before_its_check_is_not_what_is_ready(
    registry: Harness,
) -> None:
    """The event names the object version: that one is checked, and the version is pinned to it."""
    ingest = registry.launch("ingest")
    indexer = registry.launch("indexer", "stop:before_inspection")
    await ingest.ready()
    await indexer.ready()
    for change, other in CHANGES.items():
        upload = await registry.uploader.upload(f"{registry.model}-{change}", DATA)
        registry.write(f"{upload.model}/{upload.number}/model.bin", other, counts=False)
    await indexer.stopped()
    indexer.thaw()
    assert await registry.violations() == []
    assert await registry.view.count(state="ready") == len(CHANGES)


async def test_an_object_deleted_before_its_check_ends_with_the_upload_session(
    registry: Harness,
) -> None:
    settings = {"UPLOAD_SESSION_TTL_SECONDS": "5", "RECONCILE_INTERVAL_SECONDS": "1"}
    ingest = registry.launch("ingest", **settings)
    indexer = registry.launch("indexer", "stop:before_inspection", **settings)
    await ingest.ready()
    await indexer.ready()
    upload = await registry.uploader.upload(registry.model, DATA, outcome="rejected")
    await indexer.stopped()
    delete_all(registry, upload)
    indexer.thaw()
    assert await registry.violations() == []
    version = await registry.view.version(upload.key)
    assert version is not None
    assert [reason.code for reason in version.reasons] == ["upload_expired"]


@pytest.mark.parametrize("change", CHANGES)
async def test_foreign_bytes_under_an_declared_key_reject_the_version(
    registry: Harness, change: str
) -> None:
    """Written before the uploader's own: storage then refuses his, and the check refuses theirs."""
    await registry.start_both()
    uploader, files = registry.uploader, {"model.bin": DATA}
    upload = uploader.intend(registry.model, files, outcome="rejected")
    session = await uploader.open(upload, files)
    registry.write(session.files[0].key, CHANGES[change], counts=False)
    await uploader.send(session, files)
    upload.confirmed = True
    assert await registry.violations() == []


async def test_an_object_that_storage_cannot_read_is_not_ready_and_holds_up_no_other(
    registry: Harness, servers: Servers
) -> None:
    """Storage notices by its own checksums, and fails each read: in the end that is a failure."""
    ingest = registry.launch("ingest")
    indexer = registry.launch("indexer", "stop:before_inspection", WORK_MAX_ATTEMPTS="1")
    await ingest.ready()
    await indexer.ready()
    broken = await registry.uploader.upload(registry.model, os.urandom(MIB), outcome="any")
    await indexer.stopped()
    flip_on_disk(registry, servers, broken)
    indexer.thaw()
    for _ in range(6):  # on every partition, behind the broken one's event or not
        await registry.uploader.upload(f"other-{registry.model}", DATA)
    await ready(registry, 6)

    async def failure() -> str | None:
        version = await registry.view.version(broken.key)
        assert version is not None
        assert version.state == "verifying"
        return version.failure.code if version.failure else None

    assert await until("the full read is given up", failure) == "verify_failed"
    topic = registry.settings.kafka_dead_letter_topic
    [letter] = await kafka_groups.read_all(registry.settings, topic)
    assert broken.model in unquote_plus((letter.value or b"").decode())


async def ready(registry: Harness, count: int) -> None:
    """Wait until so many versions are ready."""

    async def look() -> bool:
        return await registry.view.count(state="ready") >= count

    await until_true(f"{count} versions are ready", look)


def flip_on_disk(registry: Harness, servers: Servers, upload: Upload) -> None:
    """Change a byte of an object that is too large to lie inside storage's own record of it."""
    data = servers.root / "data" / "minio" / registry.settings.minio_bucket
    [part] = data.glob(f"{upload.model}/{upload.number}/model.bin/*/part.1")
    stored = bytearray(part.read_bytes())
    stored[100] ^= 1
    part.write_bytes(stored)


def delete_all(registry: Harness, upload: Upload) -> None:
    """Delete every object version of an upload for good."""
    s3: Any = registry.view.s3
    bucket = registry.settings.minio_bucket
    prefix = f"{upload.model}/{upload.number}/"
    for found in s3.list_object_versions(Bucket=bucket, Prefix=prefix)["Versions"]:
        s3.delete_object(Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"])
