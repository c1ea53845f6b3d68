"""What each service's user may do in storage: every operation tried with its key, on real MinIO."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from services.admin.operator import open_operator
from services.admin.provision.provision import provision
from shared.runtime.service_users import WITH_STORAGE, ProvisioningSettings, settings_of_service
from shared.runtime.settings import MIB, Settings
from shared.storage.connection import StorageUnavailable
from shared.storage.urls import UrlSigner
from shared.storage.users import open_storage_users
from tests.support.isolation import isolated, settings_of
from tests.support.narrow import provisioning_settings, with_users
from tests.support.s3 import s3_client
from tests.support.servers import Addresses

EVERYBODY = frozenset(WITH_STORAGE)
NOBODY = frozenset[str]()
THE_INDEXER = frozenset(("indexer",))
VERSIONED = {"Status": "Enabled"}
POLICY = '{"Version": "2012-10-17", "Statement": []}'


@dataclass
class Place:
    """Buckets with an object each, and what an operation is tried on."""

    settings: ProvisioningSettings
    root: Any
    foreign: str
    services: Mapping[str, Settings]

    @property
    def bucket(self) -> str:
        return self.settings.minio_bucket

    @property
    def manifests(self) -> str:
        return self.settings.manifest_bucket

    def written(self, bucket: str | None = None, key: str | None = None) -> dict[str, str]:
        """An object of its own for one operation, by its bucket and key."""
        at = {"Bucket": bucket or self.bucket, "Key": key or f"churn/{uuid4().hex}/model.bin"}
        self.root.put_object(**at, Body=b"bytes")
        return at

    def fresh(self, bucket: str | None = None) -> dict[str, str]:
        """A key that has no object yet."""
        return {"Bucket": bucket or self.bucket, "Key": f"churn/{uuid4().hex}/model.bin"}

    def version(self) -> dict[str, str]:
        """An exact version of an object."""
        at = self.fresh()
        return {**at, "VersionId": self.root.put_object(**at, Body=b"bytes")["VersionId"]}

    def multipart(self) -> dict[str, str]:
        """A multipart upload with one part."""
        at = self.fresh()
        upload = self.root.create_multipart_upload(**at)["UploadId"]
        self.root.upload_part(**at, UploadId=upload, PartNumber=1, Body=b"x" * 5 * MIB)
        return {**at, "UploadId": upload}

    def joined(self) -> dict[str, Any]:
        """A multipart upload and all that completes it."""
        upload = self.multipart()
        parts = self.root.list_parts(**upload)["Parts"]
        told = [{"PartNumber": each["PartNumber"], "ETag": each["ETag"]} for each in parts]
        return {**upload, "MultipartUpload": {"Parts": told}}

    def client(self, service: str) -> Any:
        """A plain S3 client with the service's key."""
        return plain_client(self.services[service])


def plain_client(settings: Settings) -> Any:
    return cast(Any, boto3).client(
        "s3",
        endpoint_url=f"http://{settings.minio_endpoint}",
        aws_access_key_id=settings.minio_access_key.get_secret_value(),
        aws_secret_access_key=settings.minio_secret_key.get_secret_value(),
        region_name=settings.minio_region,
        config=Config(retries={"max_attempts": 1}),
    )


async def provisioned(addresses: Addresses, **changes: str) -> Place:
    """Make buckets and users of a registry that nobody else uses."""
    environment = with_users({**isolated(addresses), **changes})
    settings = provisioning_settings(environment)
    async with open_operator(settings) as operator:
        await provision(operator)
    root: Any = s3_client(settings)
    foreign = f"foreign-{uuid4().hex}"
    root.create_bucket(Bucket=foreign)
    root.put_object(Bucket=foreign, Key="churn/1/model.bin", Body=b"theirs")
    own = {name: settings_of(settings_of_service(name, environment)) for name in WITH_STORAGE}
    return Place(settings, root, foreign, own)


@pytest.fixture(scope="module")
async def place(addresses: Addresses) -> Place:
    return await provisioned(addresses, STORAGE_GROUPS_ALLOW_NEW="false")


@pytest.fixture(scope="module")
async def open_place(addresses: Addresses) -> Place:
    """Where an upload may have new groups made, of names that begin with `new-`."""
    return await provisioned(addresses, STORAGE_GROUPS_NEW_NAMES="new-*")


Operation = Callable[[Any, Place], object]
"""Tried with the client of a service."""

TABLE: Mapping[str, tuple[frozenset[str], Operation]] = {
    # Objects of a group
    "put an object": (
        frozenset({"ingest", "indexer"}),  # the indexer joins parts, which is the same right
        lambda s3, at: s3.put_object(**at.fresh(), Body=b"b"),
    ),
    "get an object": (
        frozenset({"query", "indexer"}),
        lambda s3, at: s3.get_object(**at.written()),
    ),
    "get a version": (
        frozenset({"query", "indexer"}),
        lambda s3, at: s3.get_object(**at.version()),
    ),
    "head an object": (
        frozenset({"query", "indexer"}),  # it is the right to read it
        lambda s3, at: s3.head_object(**at.written()),
    ),
    "read the parts of an object": (
        frozenset({"indexer"}),
        lambda s3, at: s3.get_object_attributes(**at.written(), ObjectAttributes=["ObjectParts"]),
    ),
    "copy an object": (
        frozenset({"indexer"}),
        lambda s3, at: s3.copy_object(**at.fresh(), CopySource=at.written()),
    ),
    "delete an object": (
        frozenset({"indexer"}),
        lambda s3, at: s3.delete_object(**at.written()),
    ),
    "delete a version": (
        frozenset({"indexer"}),
        lambda s3, at: s3.delete_object(**at.version()),
    ),
    "tag an object": (
        NOBODY,
        lambda s3, at: s3.put_object_tagging(**at.written(), Tagging={"TagSet": []}),
    ),
    # Multipart uploads
    "create a multipart upload": (
        frozenset({"ingest", "indexer"}),
        lambda s3, at: s3.create_multipart_upload(**at.fresh()),
    ),
    "put a part": (
        frozenset({"ingest", "indexer"}),
        lambda s3, at: s3.upload_part(**at.multipart(), PartNumber=2, Body=b"x"),
    ),
    "list parts": (
        frozenset({"ingest", "indexer"}),
        lambda s3, at: s3.list_parts(**at.multipart()),
    ),
    "complete a multipart upload": (
        frozenset({"ingest", "indexer"}),
        lambda s3, at: s3.complete_multipart_upload(**at.joined()),
    ),
    "abort a multipart upload": (
        frozenset({"ingest", "indexer"}),
        lambda s3, at: s3.abort_multipart_upload(**at.multipart()),
    ),
    "list multipart uploads": (
        frozenset({"ingest", "indexer"}),
        lambda s3, at: s3.list_multipart_uploads(Bucket=at.bucket),
    ),
    # The bucket
    "list keys": (
        frozenset({"ingest", "indexer"}),
        lambda s3, at: s3.list_objects_v2(Bucket=at.bucket, MaxKeys=1),
    ),
    "head the bucket": (
        frozenset({"ingest", "indexer"}),
        lambda s3, at: s3.head_bucket(Bucket=at.bucket),
    ),
    "read versioning": (
        frozenset({"ingest", "indexer"}),
        lambda s3, at: s3.get_bucket_versioning(Bucket=at.bucket),
    ),
    "read notifications": (
        frozenset({"ingest", "indexer"}),
        lambda s3, at: s3.get_bucket_notification_configuration(Bucket=at.bucket),
    ),
    "set notifications": (
        NOBODY,
        lambda s3, at: s3.put_bucket_notification_configuration(
            Bucket=at.bucket, NotificationConfiguration={}
        ),
    ),
    "set versioning": (
        NOBODY,
        lambda s3, at: s3.put_bucket_versioning(
            Bucket=at.bucket, VersioningConfiguration={"Status": "Suspended"}
        ),
    ),
    "set a policy": (
        NOBODY,
        lambda s3, at: s3.put_bucket_policy(Bucket=at.bucket, Policy=POLICY),
    ),
    "set a life cycle": (
        NOBODY,
        lambda s3, at: s3.delete_bucket_lifecycle(Bucket=at.bucket),
    ),
    "delete the bucket": (NOBODY, lambda s3, at: s3.delete_bucket(Bucket=at.bucket)),
    "make a bucket": (NOBODY, lambda s3, at: s3.create_bucket(Bucket=f"new-{uuid4().hex}")),
    # Manifests
    "write a manifest": (
        frozenset({"ingest", "indexer"}),
        lambda s3, at: s3.put_object(**at.fresh(at.manifests), Body=b"{}"),
    ),
    "read a manifest": (
        THE_INDEXER,  # of a purged version it is looked for, which is the same right
        lambda s3, at: s3.get_object(**at.written(at.manifests)),
    ),
    "delete a manifest": (
        THE_INDEXER,
        lambda s3, at: s3.delete_object(**at.written(at.manifests)),
    ),
    "list manifests": (NOBODY, lambda s3, at: s3.list_objects_v2(Bucket=at.manifests)),
    "list versions of manifests": (
        NOBODY,
        lambda s3, at: s3.list_object_versions(Bucket=at.manifests),
    ),
    "list uploads of manifests": (
        NOBODY,
        lambda s3, at: s3.list_multipart_uploads(Bucket=at.manifests),
    ),
    # A bucket of somebody else
    "list a foreign bucket": (NOBODY, lambda s3, at: s3.list_objects_v2(Bucket=at.foreign)),
    "read a foreign object": (
        NOBODY,
        lambda s3, at: s3.get_object(Bucket=at.foreign, Key="churn/1/model.bin"),
    ),
    "write a foreign object": (
        NOBODY,
        lambda s3, at: s3.put_object(Bucket=at.foreign, Key="x", Body=b"x"),
    ),
    "see that there is a foreign bucket": (
        NOBODY,
        lambda s3, at: s3.head_bucket(Bucket=at.foreign),
    ),
}
"""Each operation with those who may do it."""


def outcome(operation: Operation, client: Any, at: Place) -> str:
    """What storage answers: allowed, or its code."""
    try:
        operation(client, at)
    except ClientError as error:
        told: Any = error.response
        status = told["ResponseMetadata"]["HTTPStatusCode"]
        return "denied" if status == 403 else f"{status} {told['Error']['Code']}"
    return "allowed"


@pytest.mark.parametrize("service", WITH_STORAGE)
@pytest.mark.parametrize("name", TABLE)
async def test_a_service_may_do_what_the_table_says_and_nothing_else(
    place: Place, name: str, service: str
) -> None:
    allowed, operation = TABLE[name]
    expected = "allowed" if service in allowed else "denied"
    assert outcome(operation, place.client(service), place) == expected


@pytest.mark.parametrize("name", TABLE)
async def test_an_administrator_may_do_all_of_it(place: Place, name: str) -> None:
    """What is denied above is denied for want of the right, and not because it cannot be done."""
    if name == "delete the bucket":
        pytest.skip("the others need it")
    _, operation = TABLE[name]
    assert outcome(operation, place.root, place) == "allowed"
    keeps_versions = {"Bucket": place.bucket, "VersioningConfiguration": VERSIONED}
    place.root.put_bucket_versioning(**keeps_versions)


@pytest.mark.parametrize("service", WITH_STORAGE)
async def test_a_service_sees_no_buckets_but_the_registrys(place: Place, service: str) -> None:
    found: set[str] = set()

    def list_buckets(s3: Any, _: Place) -> None:
        found.update(each["Name"] for each in s3.list_buckets()["Buckets"])

    assert outcome(list_buckets, place.client(service), place) in ("allowed", "denied")
    assert found <= {place.bucket, place.manifests}


@pytest.mark.parametrize("service", WITH_STORAGE)
async def test_a_service_has_no_right_to_the_admin_api(place: Place, service: str) -> None:
    async with open_storage_users(place.services[service]) as users:
        with pytest.raises(StorageUnavailable) as caught:
            await users.put_user("an-intruder", "with a secret of its own")
        assert caught.value.is_denied
        with pytest.raises(StorageUnavailable):
            await users.put_policy(f"more-for-{service}", {"Version": "2012-10-17"})


async def test_urls_that_ingest_signs_take_bytes_and_give_none(place: Place) -> None:
    signer, key = UrlSigner(place.services["ingest"]), f"churn/{uuid4().hex}/model.bin"
    put = signer.put(place.bucket, key, size_bytes=5, sha256=None, ttl_seconds=60)
    get = signer.get(place.bucket, key, object_version=None, ttl_seconds=60)
    async with httpx.AsyncClient(trust_env=False) as http:
        sent = await http.put(put.url, content=b"bytes", headers=put.headers)
        assert sent.status_code == 200, sent.text
        again = await http.put(put.url, content=b"other", headers=put.headers)
        assert again.status_code == 412
        assert (await http.get(get.url)).status_code == 403


async def test_urls_that_query_signs_give_bytes_and_take_none(place: Place) -> None:
    signer, at = UrlSigner(place.services["query"]), place.version()
    fresh = place.fresh()
    get = signer.get(place.bucket, at["Key"], object_version=at["VersionId"], ttl_seconds=60)
    gone = signer.get(place.bucket, fresh["Key"], object_version=None, ttl_seconds=60)
    put = signer.put(place.bucket, fresh["Key"], size_bytes=5, sha256=None, ttl_seconds=60)
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(get.url)).content == b"bytes"
        assert (await http.get(gone.url)).status_code == 404, "and it says what is not there"
        sent = await http.put(put.url, content=b"bytes", headers=put.headers)
        assert sent.status_code == 403


NEW_GROUPS: Mapping[str, tuple[frozenset[str], Operation]] = {
    "make a bucket of such a name": (
        frozenset({"ingest"}),
        lambda s3, at: s3.create_bucket(Bucket=f"new-{uuid4().hex}"),
    ),
    "make a bucket of another name": (
        NOBODY,
        lambda s3, at: s3.create_bucket(Bucket=f"other-{uuid4().hex}"),
    ),
    "let a new bucket keep versions": (
        frozenset({"ingest"}),
        lambda s3, at: s3.put_bucket_versioning(
            Bucket=new_bucket(at), VersioningConfiguration=VERSIONED
        ),
    ),
    "set notifications of a new bucket": (
        frozenset({"ingest"}),
        lambda s3, at: s3.put_bucket_notification_configuration(
            Bucket=new_bucket(at), NotificationConfiguration={}
        ),
    ),
    "write to a new bucket": (
        frozenset({"ingest", "indexer"}),
        lambda s3, at: s3.put_object(**at.fresh(new_bucket(at)), Body=b"x"),
    ),
    "read from a new bucket": (
        frozenset({"query", "indexer"}),
        lambda s3, at: s3.get_object(**at.written(new_bucket(at))),
    ),
    "set notifications of a bucket that was there": (
        NOBODY,
        lambda s3, at: s3.put_bucket_notification_configuration(
            Bucket=at.bucket, NotificationConfiguration={}
        ),
    ),
    "delete a new bucket": (NOBODY, lambda s3, at: s3.delete_bucket(Bucket=new_bucket(at))),
    "write to a foreign bucket": (
        NOBODY,
        lambda s3, at: s3.put_object(**at.fresh(at.foreign), Body=b"x"),
    ),
}
"""Where an upload may have a group made."""


def new_bucket(at: Place) -> str:
    name = f"new-{uuid4().hex}"
    at.root.create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize("service", WITH_STORAGE)
@pytest.mark.parametrize("name", NEW_GROUPS)
async def test_where_new_groups_are_allowed_ingest_makes_those_of_the_names_that_settings_say(
    open_place: Place, name: str, service: str
) -> None:
    allowed, operation = NEW_GROUPS[name]
    expected = "allowed" if service in allowed else "denied"
    assert outcome(operation, open_place.client(service), open_place) == expected


@pytest.mark.parametrize("service", WITH_STORAGE)
@pytest.mark.parametrize("pattern", ["*", "test-*"])
async def test_no_pattern_of_new_groups_lays_the_manifests_open(
    addresses: Addresses, pattern: str, service: str
) -> None:
    at = await provisioned(addresses, STORAGE_GROUPS_NEW_NAMES=pattern)
    client = at.client(service)
    for name, (allowed, operation) in TABLE.items():
        if service in allowed or ("manifest" not in name and name != "set notifications"):
            continue
        assert outcome(operation, client, at) == "denied", name
