"""Credentials that storage takes no more: nothing is refused for it, everything waits."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiokafka import ConsumerRecord
from pydantic import SecretStr

from services.indexer.context import Context
from services.indexer.events import handler
from services.indexer.events.handler import handle_batch
from shared.kafka.dead_letters import DeadLetter
from shared.kafka.topic_reader import RawMessage
from shared.storage.adapter import Storage, open_storage
from shared.storage.connection import StorageRefused, StorageUnavailable
from shared.web.readiness import absent_servers
from tests.integration.rig import Rig, opened_rig
from tests.support.servers import Addresses


@pytest.fixture
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    async with opened_rig(addresses) as opened:
        yield opened


@pytest.fixture
async def denied(rig: Rig) -> AsyncIterator[Storage]:
    """Storage as services see it whose key was rotated away."""
    wrong = {"minio_secret_key": SecretStr("rotated away")}
    async with open_storage(rig.indexer.settings.model_copy(update=wrong)) as storage:
        yield storage


async def bury(letter: DeadLetter) -> None:
    raise AssertionError(f"no message is at fault: {letter.headers}")


def message_of(bucket: str, key: str) -> RawMessage:
    stored = {"bucket": {"name": bucket}, "object": {"key": key}}
    value = json.dumps({"Records": [{"eventName": "s3:ObjectCreated:Put", "s3": stored}]}).encode()
    return ConsumerRecord("bucket-events", 0, 0, 0, 0, None, value, None, 0, len(value), [])


async def test_events_wait_until_the_credentials_are_mended(
    rig: Rig, denied: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await rig.upload("churn", ("model.bin", b"bytes"))
    batch = [message_of(rig.bucket, session.files[0].key)]
    monkeypatch.setattr(handler, "RETRY_SECONDS", 0.2)
    context: Context = replace(rig.indexer, storage=denied)
    with pytest.raises(StorageUnavailable):
        await handle_batch(batch, context=context, bury=bury)
    await handle_batch(batch, context=rig.indexer, bury=bury)
    assert (await rig.version("churn")).state == "ready"


async def test_readiness_tells_the_operator(rig: Rig, denied: Storage) -> None:
    database = rig.indexer.database
    assert await absent_servers(database, denied, rig.bucket) == ["MinIO (AccessDenied)"]
    assert await absent_servers(database, rig.indexer.storage, rig.bucket) == []


async def test_every_call_is_denied_alike(rig: Rig, denied: Storage) -> None:
    for call in (
        denied.objects.head(rig.bucket, "a"),
        denied.objects.read(rig.bucket, "a", 0, 1),
        denied.objects.put_once(rig.bucket, "a", b"a", "text/plain"),
        denied.multipart.create(rig.bucket, "a"),
        denied.multipart.parts(rig.bucket, "a", "id"),
        denied.buckets.exists(rig.bucket),
    ):
        with pytest.raises(StorageUnavailable) as caught:
            await call
        assert caught.value.is_denied


async def test_an_object_that_is_denied_alone_is_refused(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.put("denied/1/model.bin")

    async def answers(*_: object) -> bool:
        return True

    wrong = {"minio_secret_key": SecretStr("rotated away")}
    async with open_storage(rig.indexer.settings.model_copy(update=wrong)) as storage:
        client = storage.objects._client  # pyright: ignore[reportPrivateUsage]
        monkeypatch.setattr(client, "bucket_exists", answers)
        with pytest.raises(StorageRefused):
            await storage.objects.head(rig.bucket, "denied/1/model.bin")
