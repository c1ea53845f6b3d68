"""Storage groups: made once, keeping versions, their events on Kafka."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from services.indexer.events.bucket_events import ObjectWritten, parse_bucket_event
from shared.database.client import Database
from shared.database.storage_groups import intend_group, mark_removing, remember_group
from shared.domain.errors import Forbidden, InvalidRequest
from shared.runtime.settings import Settings
from shared.storage.adapter import Storage
from shared.storage.buckets import Buckets
from shared.storage.groups import StorageGroups
from tests.support import topics
from tests.support.s3 import s3_client
from tests.support.topics import Record


@pytest.fixture
def bucket() -> str:
    return f"test-{uuid4().hex}"


@asynccontextmanager
async def anybody(_: str) -> AsyncGenerator[None]:
    """Whoever asks may have a new group made."""
    yield


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
    assert await groups.resolve(bucket, anybody) == bucket
    assert await storage.buckets.exists(bucket)
    assert await StorageGroups(database, storage, settings).knows(bucket)


async def refusal(groups: StorageGroups, bucket: str) -> str:
    """The code with which the bucket is refused."""
    with pytest.raises(InvalidRequest) as caught:
        await groups.resolve(bucket, anybody)
    assert not await groups.knows(bucket)
    assert bucket not in await groups.all()
    return caught.value.code


async def test_a_bucket_that_the_registry_did_not_make_is_refused_and_left_as_it_is(
    storage: Storage, database: Database, settings: Settings, bucket: str
) -> None:
    s3: Any = s3_client(settings)
    s3.create_bucket(Bucket=bucket)
    groups = StorageGroups(database, storage, settings)
    for _ in range(2):
        assert await refusal(groups, bucket) == "storage_group_foreign"
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


@pytest.mark.parametrize("crash", ["before the bucket", "after the bucket"])
async def test_a_crash_while_a_group_is_made_is_gone_on_with(
    storage: Storage,
    database: Database,
    settings: Settings,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    crash: str,
) -> None:
    make = Buckets.make

    async def dies(self: Buckets, bucket: str) -> bool:
        if crash == "after the bucket":
            await make(self, bucket)
        raise KeyboardInterrupt

    monkeypatch.setattr(Buckets, "make", dies)
    with pytest.raises(KeyboardInterrupt):
        await StorageGroups(database, storage, settings).resolve(bucket, anybody)
    monkeypatch.undo()
    groups = StorageGroups(database, storage, settings)
    assert not await groups.knows(bucket)
    assert await groups.resolve(bucket, anybody) == bucket
    assert bucket in await groups.all()


async def test_a_bucket_that_others_filled_after_a_crash_is_theirs(
    storage: Storage, database: Database, settings: Settings, bucket: str
) -> None:
    await intend_group(database, bucket)
    s3: Any = s3_client(settings)
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a/1/b", Body=b"theirs")
    groups = StorageGroups(database, storage, settings)
    for _ in range(2):
        assert await refusal(groups, bucket) == "storage_group_foreign"


async def test_an_operator_takes_a_bucket_over_by_naming_it(
    storage: Storage, database: Database, settings: Settings, bucket: str
) -> None:
    s3: Any = s3_client(settings)
    s3.create_bucket(Bucket=bucket)
    named = {"storage_groups": f" {bucket} ,", "storage_groups_allow_new": False}
    groups = StorageGroups(database, storage, settings.model_copy(update=named))
    await groups.prepare()
    assert await groups.knows(bucket)
    assert await groups.resolve(bucket, anybody) == bucket
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


async def test_many_uploads_may_name_one_new_group_at_once(
    storage: Storage, database: Database, settings: Settings, bucket: str
) -> None:
    several = [StorageGroups(database, storage, settings) for _ in range(5)]
    assert set(await asyncio.gather(*(each.resolve(bucket, anybody) for each in several))) == {
        bucket
    }


async def test_a_group_that_another_makes_at_this_moment_is_not_taken_for_somebody_elses(
    storage: Storage,
    database: Database,
    settings: Settings,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = (StorageGroups(database, storage, settings) for _ in range(2))
    exists = Buckets.exists

    async def is_there_by_now(self: Buckets, bucket: str) -> bool:
        monkeypatch.undo()
        assert await second.resolve(bucket, anybody) == bucket
        return await exists(self, bucket)

    monkeypatch.setattr(Buckets, "exists", is_there_by_now)
    assert await first.resolve(bucket, anybody) == bucket


async def test_a_group_that_is_let_go_is_not_made_anew_meanwhile(
    storage: Storage, database: Database, settings: Settings, bucket: str
) -> None:
    """Its bucket is gone, and an upload names it."""
    await remember_group(database, bucket)
    assert await mark_removing(database, bucket)
    groups = StorageGroups(database, storage, settings)
    assert await refusal(groups, bucket) == "storage_group_foreign"
    assert not await storage.buckets.exists(bucket)


async def test_a_new_group_is_made_for_nobody_who_may_not(
    storage: Storage, database: Database, settings: Settings, bucket: str
) -> None:
    groups = StorageGroups(database, storage, settings)
    with pytest.raises(Forbidden):
        await groups.resolve(bucket)
    assert not await storage.buckets.exists(bucket)
    await groups.resolve(bucket, anybody)
    assert await groups.resolve(bucket) == bucket, "once it is there, whoever may upload uses it"


@pytest.mark.parametrize(
    ("patterns", "made"),
    [("*", True), ("other-*, test-*", True), ("other-*", False), ("est-*", False), ("", False)],
)
async def test_a_new_group_has_a_name_that_settings_allow(
    storage: Storage,
    database: Database,
    settings: Settings,
    bucket: str,
    patterns: str,
    made: bool,
) -> None:
    allowed = settings.model_copy(update={"storage_groups_new_names": patterns})
    groups = StorageGroups(database, storage, allowed)
    if made:
        assert await groups.resolve(bucket, anybody) == bucket
    else:
        assert await refusal(groups, bucket) == "storage_group_unknown"
    assert await storage.buckets.exists(bucket) == made


async def test_what_a_bucket_lacks_is_told_by_reading_alone(
    storage: Storage, settings: Settings, bucket: str
) -> None:
    buckets, s3 = storage.buckets, s3_client(settings)
    boto: Any = s3
    assert await buckets.lacks(bucket, sends_events=True) == ["it is not there"]
    boto.create_bucket(Bucket=bucket)
    lacking = ["it keeps no object versions", "it sends no events"]
    assert await buckets.lacks(bucket, sends_events=True) == lacking
    assert await buckets.lacks(bucket, sends_events=False) == lacking[:1]
    await buckets.provision(bucket)
    assert await buckets.lacks(bucket, sends_events=True) == []
    await buckets.switch_events_off(bucket)
    assert await buckets.lacks(bucket, sends_events=True) == lacking[1:]
    await buckets.switch_events_off("nobody-has-this-bucket")


async def test_names_that_are_no_groups_are_refused(
    storage: Storage, database: Database, settings: Settings
) -> None:
    groups = StorageGroups(database, storage, settings)
    assert await refusal(groups, settings.manifest_bucket) == "storage_group_reserved"
    kept = "MinIO keeps this name for itself, and denies it to us"
    assert await refusal(groups, "minio") == "storage_group_foreign", kept


async def test_a_new_group_is_refused_where_settings_say_so(
    storage: Storage, database: Database, settings: Settings, bucket: str
) -> None:
    strict = settings.model_copy(update={"storage_groups_allow_new": False})
    groups = StorageGroups(database, storage, strict)
    with pytest.raises(InvalidRequest, match="STORAGE_GROUPS_ALLOW_NEW"):
        await groups.resolve(bucket, anybody)
    assert not await storage.buckets.exists(bucket)
    assert await groups.resolve(None) == settings.minio_bucket, "the default is always allowed"
