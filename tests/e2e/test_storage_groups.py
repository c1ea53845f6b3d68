"""Who has a new storage group made, and how an operator attaches a bucket that is there."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.access import carrying
from tests.support.admin import admin, told
from tests.support.api import Api, file_of
from tests.support.eventually import eventually
from tests.support.problems import broken_rule, problem
from tests.support.system import NOTHING, System

DATA = b"bytes"


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def holder(api: Api, stack: AsyncExitStack, *grants: str) -> Api:
    """An uploader whose token has these grants."""
    headers = carrying(await api.token(*grants))
    base_url = api.ingest.base_url
    client = httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False, timeout=60)
    return replace(api, ingest=await stack.enter_async_context(client))


def body_of(model: str, group: str) -> dict[str, Any]:
    return {"model": model, "files": [file_of("x.bin", DATA)], "storage_group": group}


async def audited(system: System, model: str, outcome: str) -> str:
    """What the audit says that a group was made, or refused, as."""
    wanted = {"action": "storage_group.make", "model": model, "outcome": outcome}

    async def look() -> dict[str, Any] | None:
        return await system.database.audit.find_one(wanted)

    return (await eventually(look))["subject"]


async def test_a_writer_has_no_new_group_made_and_a_maintainer_has(
    api: Api, system: System, stack: AsyncExitStack, model: str
) -> None:
    group = f"{model}-group"
    writer = await holder(api, stack, f"writer:{model}", "maintainer:another")
    refused = await writer.ingest.post("/v1/uploads", json=body_of(model, group))
    assert problem(refused, 403, "forbidden")["missing_grant"] == f"maintainer:{model}"
    assert await system.database.storage_groups.find_one({"_id": group}) is None
    assert await system.footprint(model) == NOTHING

    maintainer = await holder(api, stack, f"maintainer:{model}")
    session = await maintainer.open(model, file_of("x.bin", DATA), storage_group=group)
    assert session.storage_group == group
    assert await audited(system, model, "done") == f"storage_group:{group}"
    assert await audited(system, model, "forbidden") == f"storage_group:{group}"
    second = await writer.open(model, file_of("x.bin", DATA), storage_group=group)
    assert second.storage_group == group, "one that is there is for whoever may upload"


async def test_a_name_that_settings_do_not_allow_is_refused_to_everybody(
    api: Api, model: str
) -> None:
    refused = await api.ingest.post("/v1/uploads", json=body_of(model, f"no-{model}"))
    broken_rule(refused, "storage_group", "storage_group_unknown")


async def test_an_operator_attaches_a_bucket_and_lets_it_go(
    api: Api, system: System, environment: dict[str, str], model: str
) -> None:
    bucket = f"theirs-{uuid4().hex[:12]}"
    s3: Any = system.s3
    s3.create_bucket(Bucket=bucket)
    refused = await api.ingest.post("/v1/uploads", json=body_of(model, bucket))
    broken_rule(refused, "storage_group", "storage_group_unknown")

    added = await told(environment, "storage-groups", "add", bucket)
    assert (added["bucket"], added["state"], added["lacking"]) == (bucket, "ready", [])
    listed = await admin(environment, "storage-groups", "list")
    assert (listed.status, listed.err) == (0, "")
    assert bucket in listed.out
    # Its events come, and the services may verify and hand out what lies in it.
    s3.put_object(Bucket=bucket, Key=f"{model}/1/model.bin", Body=DATA)

    async def adopted() -> bool | None:
        answer = await api.query.get(f"/v1/models/{model}")
        return True if answer.is_success else None

    await eventually(adopted)
    assert (await api.version(model, 1, wait=30)).state == "ready"
    assert await api.download(model, 1, "model.bin") == DATA

    kept = await admin(environment, "storage-groups", "remove", bucket)
    assert (kept.status, kept.out) == (4, "")
    assert f"versions lie in '{bucket}'" in kept.err


async def test_an_empty_group_is_let_go_and_takes_no_upload(
    api: Api, environment: dict[str, str], model: str
) -> None:
    bucket = f"theirs-{uuid4().hex[:12]}"
    await told(environment, "storage-groups", "add", bucket)
    done = await admin(environment, "storage-groups", "remove", bucket)
    assert (done.status, done.err) == (0, "")
    assert bucket in done.out
    refused = await api.ingest.post("/v1/uploads", json=body_of(model, bucket))
    broken_rule(refused, "storage_group", "storage_group_unknown")
    again = await admin(environment, "storage-groups", "remove", bucket)
    assert again.status == 3


async def test_provisioning_tells_a_person_what_it_made_and_no_secret(
    environment: dict[str, str],
) -> None:
    done = await admin(environment, "provision")
    assert (done.status, done.err) == (0, "")
    assert f"user of ingest at MinIO: {environment['INGEST_MINIO_ACCESS_KEY']}" in done.out
    planned = await admin(environment, "provision", "--dry-run")
    assert "s3:PutObject" in planned.out
    for name, value in environment.items():
        if "SECRET" in name or "PASSWORD" in name:
            assert value not in done.out + planned.out


async def test_provisioning_without_an_administrators_rights_is_refused(
    environment: dict[str, str],
) -> None:
    narrow = {
        "MINIO_ACCESS_KEY": environment["INGEST_MINIO_ACCESS_KEY"],
        "MINIO_SECRET_KEY": environment["INGEST_MINIO_SECRET_KEY"],
    }
    another = {"INGEST_MINIO_ACCESS_KEY": "another-user"}
    known, unknown = "of provisioning, too", "AccessDenied"
    for changes, reason in (narrow, known), ({**narrow, **another}, unknown):
        done = await admin({**environment, **changes}, "provision")
        assert (done.status, done.out) == (4, "")
        assert reason in done.err
        assert "administrator" in done.err


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"MINIO_SECRET_KEY": "another-secret-of-minio"}, "SignatureDoesNotMatch"),
        ({"MINIO_ACCESS_KEY": "nobody-has-this"}, "InvalidAccessKeyId"),
    ],
)
async def test_provisioning_with_wrong_credentials_says_so(
    environment: dict[str, str], changes: dict[str, str], reason: str
) -> None:
    done = await admin({**environment, **changes}, "provision")
    assert (done.status, done.out) == (4, "")
    assert done.err.count("\n") == 1
    assert reason in done.err
    assert "administrator" in done.err
    assert not any(value in done.err for value in changes.values())
