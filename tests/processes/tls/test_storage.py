"""Stores that want the bucket in the host, and keys that live for a while."""

import socket
from typing import Any, cast

import boto3
import httpx
import pytest

from shared.runtime.settings import Settings
from shared.storage.adapter import Storage, open_storage
from shared.storage.signing import PresignedRequest
from tests.support.isolation import settings_of
from tests.support.secured_servers import STORAGE_DOMAIN

pytestmark = pytest.mark.servers

BODY = b"the bytes"


@pytest.fixture
def names_of_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name below the store's domain leads to this machine, as a name server would say."""
    found = socket.getaddrinfo

    def lookup(host: Any, *rest: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        is_store = name.endswith(STORAGE_DOMAIN)
        return found("127.0.0.1" if is_store else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    port = environment["MINIO_ENDPOINT"].partition(":")[2]
    return settings_of({**environment, "MINIO_ENDPOINT": f"{STORAGE_DOMAIN}:{port}"})


async def send(settings: Settings, request: PresignedRequest, body: bytes = b"") -> httpx.Response:
    context = httpx.create_ssl_context()
    context.load_verify_locations(settings.minio_ca_file)
    async with httpx.AsyncClient(verify=context, trust_env=False, timeout=30) as http:
        return await http.request(
            request.method, request.url, content=body, headers=dict(request.headers)
        )


async def round_trip(storage: Storage, settings: Settings) -> tuple[str, str]:
    """Put an object by a signed URL, look at it, get it by another one; return both URLs."""
    bucket, key = settings.minio_bucket, "a b+c/1/ünï.bin"
    put = storage.urls.put(bucket, key, size_bytes=len(BODY), sha256=None, ttl_seconds=60)
    answer = await send(settings, put, BODY)
    assert answer.status_code in (200, 412), answer.text
    found = await storage.objects.head(bucket, key)
    assert found is not None
    assert found.size_bytes == len(BODY)
    get = storage.urls.get(bucket, key, object_version=None, ttl_seconds=60)
    answer = await send(settings, get)
    assert answer.content == BODY
    return put.url, get.url


@pytest.mark.usefixtures("names_of_the_store")
async def test_a_bucket_may_be_named_by_the_host(settings: Settings) -> None:
    virtual = settings.model_copy(update={"minio_addressing": "virtual"})
    async with open_storage(virtual) as storage:
        urls = await round_trip(storage, virtual)
    for url in urls:
        assert url.startswith(f"https://{settings.minio_bucket}.{STORAGE_DOMAIN}:")


@pytest.mark.usefixtures("names_of_the_store")
async def test_keys_that_live_for_a_while_bring_their_token(settings: Settings) -> None:
    sts: Any = cast(Any, boto3).client(
        "sts",
        endpoint_url=f"https://{settings.minio_endpoint}",
        aws_access_key_id=settings.minio_access_key.get_secret_value(),
        aws_secret_access_key=settings.minio_secret_key.get_secret_value(),
        region_name=settings.minio_region,
        verify=settings.minio_ca_file,
    )
    given = sts.assume_role(RoleArn="arn:xxx:xxx:xxx:xxxx", RoleSessionName="test")["Credentials"]
    values = settings.model_dump() | {
        "minio_access_key": given["AccessKeyId"],
        "minio_secret_key": given["SecretAccessKey"],
        "minio_session_token": given["SessionToken"],
    }
    temporary = Settings.model_validate(values)
    async with open_storage(temporary) as storage:
        await round_trip(storage, temporary)
