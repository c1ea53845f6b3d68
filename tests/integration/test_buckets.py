"""Storage groups: made once, keeping versions, their events on Kafka."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import pytest

from services.indexer.events.bucket_events import ObjectWritten, parse_bucket_event
from shared.database.client import Database
from shared.domain.errors import InvalidRequest
from shared.runtime.settings import Settings
from shared.storage.adapter import Storage
from shared.storage.groups import StorageGroups
from tests.support import topics
from tests.support.s3 import s3_client
from tests.support.topics import Record


@pytest.fixture
def bucket() -> str:
    return f"test-{uuid4().hex}"


def written_to(records: Sequence[Record], bucket: str) -> list[ObjectWritten]:
    mine = [record for record in records if (record.key or b"").startswith(f"{bucket}/".encode())]
    return [event for record in mine for event in parse_bucket_event(record.value)]


async def test_a_provisioned_bucket_keeps_versions_and_sends_its_events_once(
    storage: Storage, settings: Settings, bucket: str
) -> None:
    assert not await storage.buckets.exists(bucket)
    for _ in range(2):  # the second time changes nothing: one write, one event
        await storage.buckets.provision(bucket)
    assert await storage.buckets.exists(bucket)
    s3 = s3_client(settings)
    for key in ("a b+ü/1/x.bin", "last"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"bytes")

    records = await topics.read_until(
        settings.kafka_bootstrap_servers,
        settings.kafka_bucket_events_topic,
        lambda records: any(event.key == "last" for event in written_to(records, bucket)),
    )

    [written] = [event for event in written_to(records, bucket) if event.key != "last"]
    found = await storage.objects.head(bucket, "a b+ü/1/x.bin")
    assert found is not None
    assert found.object_version is not None
    assert written.key == "a b+ü/1/x.bin"
    assert written.object_version == found.object_version
    assert written.sequencer


async def test_many_may_provision_one_bucket_at_once(storage: Storage, bucket: str) -> None:
    await asyncio.gather(*(storage.buckets.provision(bucket) for _ in range(5)))
    assert await storage.buckets.exists(bucket)


async def test_a_group_is_provisioned_when_first_used_and_then_known_to_all(
    storage: Storage, database: Database, settings: Settings, bucket: str
) -> None:
    groups = StorageGroups(database, storage, settings)
    assert not await groups.knows(bucket)
    assert await groups.resolve(bucket) == bucket
    assert await storage.buckets.exists(bucket)
    assert await StorageGroups(database, storage, settings).knows(bucket)


async def test_a_new_group_is_refused_where_settings_say_so(
    storage: Storage, database: Database, settings: Settings, bucket: str
) -> None:
    strict = settings.model_copy(update={"storage_groups_allow_new": False})
    groups = StorageGroups(database, storage, strict)
    with pytest.raises(InvalidRequest, match="STORAGE_GROUPS_ALLOW_NEW is off"):
        await groups.resolve(bucket)
    assert not await storage.buckets.exists(bucket)
    assert await groups.resolve(None) == settings.minio_bucket, "the default is always allowed"
