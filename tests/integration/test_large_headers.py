"""A file whose header is large leaves the batch, and a worker checks it: nothing waits for it."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest

from services.indexer.context import Context
from services.indexer.events.bucket_events import parse_bucket_event
from services.indexer.events.indexing import index_objects
from services.indexer.verify.validations import ContainerFormat
from services.indexer.work.workers import work_once
from shared.database.work import claim_work
from shared.domain.records import VersionRecord
from shared.formats.sandbox.limits import ProcessLimits
from shared.formats.sandbox.processes import CheckProcesses
from shared.kafka.dead_letters import DeadLetter
from shared.storage.connection import StorageUnavailable
from shared.storage.objects import Objects
from tests.integration.rig import Rig, opened_rig
from tests.support.api import parts_of, sha256_of
from tests.support.headers import with_a_gap, with_metadata, with_tensors
from tests.support.servers import Addresses

MIB = 1024 * 1024
PATH = "model.safetensors"
LARGE = with_metadata(3 * MIB)
BROKEN = with_a_gap(50_000)


@pytest.fixture
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    async with opened_rig(addresses, upload_single_put_max_bytes=16 * MIB) as opened:
        yield opened


class Reads:
    """Notes what is read of objects; `whole` counts the objects that are read whole."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.ranges: list[int] = []
        self.whole = 0
        read, stream = Objects.read, Objects.stream

        async def noted_read(
            reader: Objects, bucket: str, key: str, offset: int, length: int, *rest: Any
        ) -> bytes:
            self.ranges.append(length)
            return await read(reader, bucket, key, offset, length, *rest)

        def noted_stream(reader: Objects, *rest: Any) -> AsyncIterator[bytes]:
            self.whole += 1
            return stream(reader, *rest)

        patch.setattr(Objects, "read", noted_read)
        patch.setattr(Objects, "stream", noted_stream)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


async def no_letter(letter: DeadLetter) -> None:
    raise AssertionError(f"a dead letter: {letter}")


async def indexed(rig: Rig, model: str, data: bytes, *, digest: bool = True) -> VersionRecord:
    """Upload a file, and handle its event as a batch does."""
    session = await rig.upload(model, (PATH, data), digest=digest)
    await heard(rig, session.files[0].key)
    return await rig.version(model)


async def heard(rig: Rig, key: str) -> list[VersionRecord]:
    stored = {"bucket": {"name": rig.bucket}, "object": {"key": quote_plus(key)}}
    event = {"Records": [{"eventName": "s3:ObjectCreated:Put", "s3": stored}]}
    written = parse_bucket_event(json.dumps(event).encode())
    return (await index_objects(written, rig.indexer)).changed


async def worked(context: Context) -> None:
    assert await work_once(context, no_letter)


async def test_a_large_header_leaves_the_batch_and_keeps_what_storage_attested(
    rig: Rig, reads: Reads
) -> None:
    version = await indexed(rig, "large", LARGE)
    [artifact] = version.artifacts
    assert (version.state, artifact.state) == ("verifying", "pending")
    assert (artifact.sha256, artifact.sha256_state) == (sha256_of(LARGE), "verified")
    assert artifact.etag
    assert artifact.object_version
    assert version.work is not None
    assert version.work.kind == "verify"
    assert sum(reads.ranges) <= MIB
    assert await rig.told("large") == ["created"]


async def test_a_worker_checks_its_format_and_does_not_read_it_whole(
    rig: Rig, reads: Reads
) -> None:
    before = await indexed(rig, "large", LARGE + b"")
    reads.ranges.clear()
    await worked(rig.indexer)
    version = await rig.version("large")
    [artifact], [pinned] = version.artifacts, before.artifacts
    assert (version.state, version.work, artifact.state) == ("ready", None, "verified")
    assert (artifact.format, artifact.details["tensor_count"]) == ("safetensors", 1)
    assert (artifact.sha256, artifact.object_version) == (pinned.sha256, pinned.object_version)
    assert reads.whole == 0
    assert max(reads.ranges) <= MIB
    assert await rig.told("large") == ["created", "ready"]


async def test_a_broken_large_header_is_rejected_with_the_broken_rule(rig: Rig) -> None:
    assert (await indexed(rig, "broken", BROKEN)).state == "verifying"
    await worked(rig.indexer)
    version = await rig.version("broken")
    assert (version.state, version.work) == ("rejected", None)
    assert [reason.code for reason in version.reasons] == ["safetensors_tensor_not_contiguous"]
    assert [reason.path for reason in version.reasons] == [PATH]


async def test_a_header_over_the_limits_is_rejected_for_good(rig: Rig) -> None:
    await indexed(rig, "costly", with_tensors(150_000))
    limits = ProcessLimits(memory_bytes=32 * MIB, cpu_seconds=60)
    await worked(replace(rig.indexer, validations=[ContainerFormat(CheckProcesses(limits, 1))]))
    version = await rig.version("costly")
    assert version.state == "rejected"
    [reason] = version.reasons
    assert reason.code == "format_too_costly"
    assert "32 MiB of memory" in reason.detail


async def test_a_file_in_parts_keeps_its_composite_digest(rig: Rig, reads: Reads) -> None:
    data = with_metadata(17 * MIB)
    session = await rig.open("parts", (PATH, data), digest=False)
    await sent_in_parts(rig, session.files[0].key, data)
    waiting = await rig.version("parts")
    assert (waiting.state, waiting.artifacts[0].state) == ("verifying", "pending")
    assert waiting.artifacts[0].composite is not None
    await worked(rig.indexer)
    version = await rig.version("parts")
    assert version.state == "ready"
    assert version.artifacts[0].composite == waiting.artifacts[0].composite
    assert version.artifacts[0].format == "safetensors"
    assert reads.whole == 0, "it is ready before its SHA-256 is computed"


async def sent_in_parts(rig: Rig, key: str, data: bytes) -> None:
    """Write an object as a multipart upload with digests of its parts."""
    client: Any = rig.s3
    target = {"Bucket": rig.bucket, "Key": key}
    begun = client.create_multipart_upload(**target, ChecksumAlgorithm="SHA256")
    parts: list[dict[str, Any]] = []
    for number, part in parts_of(data, 5 * MIB).items():
        sent = client.upload_part(
            **target,
            UploadId=begun["UploadId"],
            PartNumber=number,
            Body=part,
            ChecksumAlgorithm="SHA256",
        )
        told = {name: sent[name] for name in ("ETag", "ChecksumSHA256")}
        parts.append({"PartNumber": number, **told})
    client.complete_multipart_upload(
        **target, UploadId=begun["UploadId"], MultipartUpload={"Parts": parts}
    )
    await heard(rig, key)


async def test_an_object_that_nobody_attested_is_read_whole_and_then_checked_so(
    rig: Rig, reads: Reads
) -> None:
    key = f"found/1/{PATH}"
    rig.put(key, LARGE)
    await heard(rig, key)
    await rig.adopt()
    await worked(rig.indexer)
    version = await rig.version("found")
    assert (version.state, version.artifacts[0].format) == ("ready", "safetensors")
    assert version.artifacts[0].sha256 == sha256_of(LARGE)
    assert reads.whole == 1


async def test_a_small_header_is_settled_in_the_batch_as_ever(rig: Rig) -> None:
    version = await indexed(rig, "small", with_metadata(MIB))
    assert (version.state, version.work) == ("ready", None)


async def test_of_several_files_the_small_ones_are_verified_meanwhile(rig: Rig) -> None:
    small = with_metadata(1000)
    session = await rig.upload("several", ("a.safetensors", LARGE), ("b.safetensors", small))
    for plan in session.files:
        await heard(rig, plan.key)
    waiting = await rig.version("several")
    assert [artifact.state for artifact in waiting.artifacts] == ["pending", "verified"]
    assert waiting.state == "verifying"
    await worked(rig.indexer)
    assert (await rig.version("several")).state == "ready"


async def test_an_event_that_comes_again_changes_nothing(rig: Rig) -> None:
    waiting = await indexed(rig, "again", LARGE)
    assert await heard(rig, waiting.artifacts[0].key) == []
    assert await rig.version("again") == waiting


async def test_what_a_killed_worker_had_taken_is_checked_by_another(rig: Rig) -> None:
    await indexed(rig, "killed", LARGE)
    dead = await claim_work(rig.indexer.database, "verify", "dead", timedelta(seconds=-1))
    assert dead is not None
    await worked(rig.indexer)
    assert (await rig.version("killed")).state == "ready"


async def test_a_process_that_dies_is_a_failure_that_is_counted_and_tried_again(rig: Rig) -> None:
    await indexed(rig, "dies", LARGE)
    limits = ProcessLimits(memory_bytes=320 * MIB, cpu_seconds=60)
    dying = CheckProcesses(limits, 1, module="tests.support.no_such_check")
    await worked(replace(rig.indexer, validations=[ContainerFormat(dying)]))
    version = await rig.version("dies")
    assert (version.state, version.reasons) == ("verifying", [])
    assert version.work is not None
    assert (version.work.attempts, version.work.token) == (1, None)
    await rig.indexer.database.versions.update_one(
        {"model": "dies"}, {"$set": {"work.due_at": datetime(2000, 1, 1, tzinfo=UTC)}}
    )
    await worked(rig.indexer)
    assert (await rig.version("dies")).state == "ready"


async def test_a_store_that_gives_more_than_the_range_is_not_taken_in(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.put("any/1/large.bin", bytes(5 * MIB))
    client: Any = rig.indexer.storage.objects._client  # pyright: ignore[reportPrivateUsage]
    get = client.get_object

    async def whole(bucket: str, key: str, **_: Any) -> Any:
        return await get(bucket, key)

    monkeypatch.setattr(client, "get_object", whole)
    with pytest.raises(StorageUnavailable, match="more than the range"):
        await rig.indexer.storage.objects.read(rig.bucket, "any/1/large.bin", 0, MIB)
