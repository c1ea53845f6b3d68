"""Storage groups by an operator's hand: attached with the rights on them, and let go."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from registry.schemas import UploadRequest
from services.admin.provision.provision import provision
from services.admin.storage_groups.groups import add_group, list_groups, remove_group
from services.ingest import context as ingest
from services.ingest.uploads.completion import abort_upload
from services.ingest.uploads.opening import open_upload
from shared.database.client import open_database
from shared.database.storage_groups import intend_group, mark_removing, remember_group
from shared.database.work import finish_work
from shared.domain.errors import Conflict, InvalidRequest, NotFound, RegistryError
from shared.storage.adapter import open_storage
from shared.storage.connection import StorageUnavailable
from tests.integration.drafts import OWNER
from tests.integration.provisioned import Registry, opened_registry
from tests.support.api import file_of
from tests.support.servers import Addresses


@pytest.fixture
async def registry(addresses: Addresses) -> AsyncIterator[Registry]:
    async with opened_registry(addresses) as opened:
        yield opened


@pytest.fixture
async def uploading(registry: Registry) -> AsyncIterator[ingest.Context]:
    """Ingest with its own rights."""
    settings = registry.service("ingest")
    async with open_database(settings) as database, open_storage(settings) as storage:
        yield ingest.Context.create(settings, database, storage)


@pytest.fixture
def bucket(registry: Registry) -> str:
    """A bucket that somebody has, with an object."""
    name = f"test-{uuid4().hex}"
    registry.s3.create_bucket(Bucket=name)
    registry.s3.put_object(Bucket=name, Key="churn/1/model.bin", Body=b"theirs")
    return name


def request(bucket: str) -> UploadRequest:
    files = [file_of("model.bin", b"bytes")]
    said: dict[str, Any] = {"model": "churn", "files": files, "storage_group": bucket}
    return UploadRequest.model_validate(said)


async def refusal(bucket: str, context: ingest.Context) -> str:
    with pytest.raises(InvalidRequest) as caught:
        await open_upload(request(bucket), None, OWNER, context)
    return caught.value.code


async def may_read(registry: Registry, service: str, bucket: str) -> bool:
    async with open_storage(registry.service(service)) as storage:
        try:
            await storage.objects.read(bucket, "churn/1/model.bin", 0, 1)
        except StorageUnavailable as error:
            if not error.is_denied:
                raise
            return False
    return True


async def test_a_bucket_that_was_there_is_attached_with_the_rights_on_it(
    registry: Registry, bucket: str, uploading: ingest.Context
) -> None:
    assert await refusal(bucket, uploading) == "storage_group_unknown"
    assert not await may_read(registry, "query", bucket)
    for _ in range(2):  # the second time changes nothing
        added = await add_group(bucket, registry.operator)
        assert (added.bucket, added.state, added.lacking) == (bucket, "ready", [])
    session, _ = await open_upload(request(bucket), None, OWNER, uploading)
    assert session.storage_group == bucket
    assert await may_read(registry, "query", bucket)
    assert await may_read(registry, "indexer", bucket)
    assert not await may_read(registry, "ingest", bucket)


async def test_a_bucket_that_is_not_there_is_made(registry: Registry) -> None:
    name = f"test-{uuid4().hex}"
    assert (await add_group(name, registry.operator)).lacking == []
    assert registry.s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"


async def test_policies_have_room_for_all_groups_that_uploads_had_made(
    addresses: Addresses,
) -> None:
    changes = {"STORAGE_GROUPS_ALLOW_NEW": "true", "STORAGE_GROUPS_NEW_NAMES": "new-*"}
    async with opened_registry(addresses, provisioned=False, **changes) as registry:
        for number in range(400):
            made = f"new-group-of-some-project-{number}"
            await intend_group(registry.operator.database, made)
            await remember_group(registry.operator.database, made)
        report = await provision(registry.operator)
        assert len(report.buckets) == 402


async def test_a_group_that_policies_have_no_room_for_is_refused_and_is_none(
    registry: Registry, bucket: str
) -> None:
    for number in range(400):
        attached = f"attached-for-some-project-{number}"
        await remember_group(registry.operator.database, attached)
    with pytest.raises(Conflict) as caught:
        await add_group(bucket, registry.operator)
    assert caught.value.code == "too_many_groups"
    assert not await registry.operator.groups.has(bucket)


async def test_a_bucket_that_cannot_be_made_a_group_gets_no_rights(registry: Registry) -> None:
    with pytest.raises(RegistryError):
        await add_group("minio", registry.operator)  # MinIO keeps this name for itself
    name = registry.operator.settings.storage_users["query"].name
    assert "minio" not in str(await registry.operator.storage_users.policy(name))


async def test_groups_that_are_added_at_once_all_have_their_rights(registry: Registry) -> None:
    buckets = [f"test-{uuid4().hex}" for _ in range(4)]
    async with asyncio.TaskGroup() as adding:
        for each in buckets:
            adding.create_task(add_group(each, registry.operator))
    policy = await registry.operator.storage_users.policy(
        registry.operator.settings.storage_users["query"].name
    )
    assert all(each in str(policy) for each in buckets)


async def test_groups_are_listed_with_what_their_buckets_lack(
    registry: Registry, bucket: str
) -> None:
    await add_group(bucket, registry.operator)
    registry.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    default = registry.operator.settings.minio_bucket
    found = {each.bucket: each for each in await list_groups(registry.operator)}
    assert found.keys() == {bucket, default}
    assert found[default].is_named
    assert found[default].lacking == []
    assert not found[bucket].is_named
    assert found[bucket].lacking == ["it sends no events"]


async def test_a_group_in_which_nothing_lies_is_let_go_and_its_bucket_stays(
    registry: Registry, bucket: str, uploading: ingest.Context
) -> None:
    await add_group(bucket, registry.operator)
    await remove_group(bucket, registry.operator)
    assert await refusal(bucket, uploading) == "storage_group_unknown"
    assert not await may_read(registry, "query", bucket)
    assert not await may_read(registry, "indexer", bucket)
    told = registry.s3.get_bucket_notification_configuration(Bucket=bucket)
    assert "QueueConfigurations" not in told
    body = registry.s3.get_object(Bucket=bucket, Key="churn/1/model.bin")["Body"]
    assert body.read() == b"theirs"
    with pytest.raises(NotFound):
        await remove_group(bucket, registry.operator)


async def test_a_group_in_which_versions_lie_is_kept(
    registry: Registry, bucket: str, uploading: ingest.Context
) -> None:
    await add_group(bucket, registry.operator)
    session, _ = await open_upload(request(bucket), None, OWNER, uploading)
    with pytest.raises(Conflict, match=session.version_id) as caught:
        await remove_group(bucket, registry.operator)
    assert caught.value.code == "storage_group_in_use"
    assert await may_read(registry, "query", bucket), "all is as it was"
    again, _ = await open_upload(request(bucket), None, OWNER, uploading)

    for each in (session, again):
        record = await uploading.versions.get(each.version_id)
        assert record is not None
        await abort_upload(record, uploading)
        with pytest.raises(Conflict):
            await remove_group(bucket, registry.operator)  # a worker has not cleaned it yet
        database = registry.operator.database
        claimed = {"$set": {"work.token": "mine"}}
        await database.versions.update_one({"_id": each.version_id}, claimed)
        assert await finish_work(database, each.version_id, "mine")
    await remove_group(bucket, registry.operator)


async def test_an_upload_that_is_opened_while_its_group_goes_is_given_up(
    registry: Registry, bucket: str, uploading: ingest.Context
) -> None:
    await add_group(bucket, registry.operator)
    assert await uploading.groups.knows(bucket), "and it is known for some seconds more"
    assert await mark_removing(registry.operator.database, bucket)
    assert await refusal(bucket, uploading) == "storage_group_unknown"
    [opened] = await registry.operator.database.versions.find({}).to_list()
    assert (opened["state"], opened["session"]["state"]) == ("rejected", "aborted")


async def test_a_removal_that_was_cut_off_is_gone_on_with_or_taken_back(
    registry: Registry, bucket: str, uploading: ingest.Context
) -> None:
    await add_group(bucket, registry.operator)
    assert await mark_removing(registry.operator.database, bucket)
    assert await refusal(bucket, uploading) == "storage_group_unknown"
    assert (await add_group(bucket, registry.operator)).state == "ready"
    assert await mark_removing(registry.operator.database, bucket)
    await remove_group(bucket, registry.operator)


async def test_what_is_no_group_and_what_settings_name_is_not_removed(registry: Registry) -> None:
    operator = registry.operator
    with pytest.raises(Conflict, match="MINIO_BUCKET"):
        await remove_group(operator.settings.minio_bucket, operator)
    await intend_group(operator.database, "only-intended")
    for name in ("nobody-knows-it", "only-intended"):
        with pytest.raises(NotFound):
            await remove_group(name, operator)


@pytest.mark.parametrize(
    ("name", "error"), [("No_Bucket", InvalidRequest), ("MANIFESTS", Conflict)]
)
async def test_what_can_be_no_group_is_not_attached(
    registry: Registry, name: str, error: type[Exception]
) -> None:
    wanted = registry.operator.settings.manifest_bucket if name == "MANIFESTS" else name
    with pytest.raises(error):
        await add_group(wanted, registry.operator)


async def test_a_group_of_an_earlier_release_counts(registry: Registry) -> None:
    """It was kept without a state."""
    database = registry.operator.database
    await remember_group(database, "of-old")
    await database.storage_groups.update_one({"_id": "of-old"}, {"$unset": {"state": 1}})
    assert await registry.operator.groups.has("of-old")
    [found] = [each for each in await list_groups(registry.operator) if each.bucket == "of-old"]
    assert (found.state, found.lacking) == ("ready", ["it is not there"])
