"""Objects that a plain S3 client wrote: adopted under the key rule, reported outside it."""

import gzip
import os
import shlex
from typing import Any

import pytest

from tests.support.admin import admin
from tests.support.api import Api, file_of, sha256_of
from tests.support.eventually import eventually
from tests.support.system import Footprint, System


async def adopted(api: Api, model: str) -> None:
    """Wait until the model's first version is recorded."""

    async def look() -> bool | None:
        answer = await api.query.get(f"/v1/models/{model}")
        return True if answer.is_success else None

    await eventually(look)


async def stray(system: System, key: str, code: str) -> dict[str, Any]:
    """Wait until the object is reported."""

    async def look() -> dict[str, Any] | None:
        return await system.database.strays.find_one({"key": key, "code": code})

    return await eventually(look)


def write(system: System, key: str, data: bytes, **said: str) -> None:
    system.s3.put_object(Bucket=system.settings.minio_bucket, Key=key, Body=data, **said)


async def test_an_object_under_the_key_rule_becomes_a_version(
    api: Api, system: System, model: str
) -> None:
    data = os.urandom(50_000)
    write(system, f"{model}/3/weights+extra/model.bin", data)
    await adopted(api, model)
    version = await api.version(model, 3, wait=30)
    assert (version.state, version.source, version.number) == ("ready", "object", 3)
    [artifact] = version.artifacts
    assert (artifact.path, artifact.sha256) == ("weights+extra/model.bin", sha256_of(data))
    assert await api.download(model, 3, artifact.path) == data


async def test_an_object_that_says_it_is_compressed_is_verified_as_it_is_stored(
    api: Api, system: System, model: str
) -> None:
    data = gzip.compress(os.urandom(50_000))
    write(system, f"{model}/1/model.bin", data, ContentEncoding="gzip")
    await adopted(api, model)
    version = await api.version(model, 1, wait=30)
    [artifact] = version.artifacts
    assert (version.state, artifact.sha256) == ("ready", sha256_of(data))
    assert await api.download(model, 1, artifact.path) == data


async def test_a_folder_becomes_one_version_with_all_its_files(
    api: Api, system: System, model: str
) -> None:
    files = {f"shards/{n}.bin": os.urandom(500) for n in range(12)}
    write(system, f"{model}/1/", b"")  # as some clients show a folder
    for path, data in files.items():
        write(system, f"{model}/1/{path}", data)
    await adopted(api, model)
    version = await api.version(model, 1, wait=30)
    digests = {artifact.path: artifact.sha256 for artifact in version.artifacts}
    assert digests == {path: sha256_of(data) for path, data in files.items()}

    write(system, f"{model}/1/late.bin", b"bytes")
    report = await stray(system, f"{model}/1/late.bin", "came_after_adoption")
    assert f"version 1 of model '{model}' was made of this folder before" in report["detail"]
    assert await api.version(model, 1) == version


async def test_an_operator_lists_what_belongs_to_no_version(
    environment: dict[str, str], system: System, model: str
) -> None:
    bucket = system.settings.minio_bucket
    for number in (1, 2, 3):
        write(system, f"{model}/{number}/[empty].bin", b"")
        await stray(system, f"{model}/{number}/[empty].bin", "empty_object")
    listed = ("strays", "list", "--bucket", bucket, "--after", f"{bucket}/{model}")
    first = await admin(environment, *listed, "--limit", "2")
    assert (first.status, first.err) == (0, "")
    head, *lines, more = first.out.splitlines()
    assert head.split()[:4] == ["LAST", "SEEN", "CODE", "BUCKET"]
    assert [f"{model}/{number}/[empty].bin" in lines[number - 1] for number in (1, 2)] == [True] * 2
    after = shlex.split(more)[-1]
    rest = await admin(environment, "strays", "list", "--after", after, "--limit", "1", "--json")
    [document] = rest.documents
    assert (document["key"], document["code"]) == (f"{model}/3/[empty].bin", "empty_object")
    assert document["size_bytes"] == 0


async def test_an_operator_lists_open_multipart_uploads(
    environment: dict[str, str], system: System, model: str
) -> None:
    client: Any = system.s3
    bucket, key = system.settings.minio_bucket, f"{model}/1/model.bin"
    opened = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    try:
        done = await admin(environment, "uploads", "list", "--bucket", bucket, "--json")
        assert (done.status, done.err) == (0, "")
        [mine] = [each for each in done.documents if each["key"] == key]
        assert (mine["multipart_id"], mine["upload_id"]) == (opened, None)
        told = await admin(environment, "uploads", "list", "--limit", "1000")
        assert key in told.out
    finally:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=opened)
    unknown = await admin(environment, "uploads", "list", "--bucket", "no-group-of-ours")
    assert (unknown.status, unknown.out) == (3, "")


async def test_a_label_in_the_key_becomes_the_label_of_the_next_number(
    api: Api, system: System, model: str
) -> None:
    write(system, f"{model}/1.2.0/model.bin", b"bytes")
    await adopted(api, model)
    version = await api.version(model, "1.2.0", wait=30)
    assert (version.state, version.number, version.label) == ("ready", 1, "1.2.0")


async def test_an_object_outside_the_rule_is_reported_and_left_alone(
    api: Api, system: System, model: str
) -> None:
    key = f"{model}/no-file-under-a-version"
    write(system, key, b"bytes")
    report = await stray(system, key, "outside_key_rule")
    assert "<model>/<version>/<file>" in report["detail"]
    assert report["size_bytes"] == 5
    assert await system.footprint(model) == Footprint(objects=1)


async def test_an_empty_object_is_reported(system: System, model: str) -> None:
    write(system, f"{model}/1/model.bin", b"")
    await stray(system, f"{model}/1/model.bin", "empty_object")
    assert await system.footprint(model) == Footprint(objects=1)


async def test_a_further_object_does_not_join_a_version_that_exists(
    api: Api, system: System, model: str
) -> None:
    session = await api.open(model, file_of("model.bin", b"declared"))
    write(system, f"{model}/1/intruder.bin", b"bytes")
    await stray(system, f"{model}/1/intruder.bin", "version_exists")
    await api.put(session.files[0], b"declared")
    assert [artifact.path for artifact in (await api.ready(session)).artifacts] == ["model.bin"]


async def test_overwriting_a_ready_object_changes_nothing_of_its_version(
    api: Api, system: System, model: str
) -> None:
    data = os.urandom(1000)
    session = await api.open(model, file_of("model.bin", data))
    await api.put(session.files[0], data)
    before = await api.ready(session)

    write(system, f"{model}/1/model.bin", b"something else")

    await stray(system, f"{model}/1/model.bin", "written_again")
    assert await api.version(model, 1) == before
    assert await api.download(model, 1, "model.bin") == data


async def test_a_declared_object_that_a_plain_client_wrote_is_read_whole(
    api: Api, system: System, model: str
) -> None:
    data = os.urandom(1000)
    session = await api.open(model, file_of("model.bin", data))
    write(system, session.files[0].key, data)
    [artifact] = (await api.ready(session)).artifacts
    assert (artifact.sha256, artifact.sha256_state) == (sha256_of(data), "verified")


@pytest.mark.parametrize(
    ("other", "code"), [(b"y" * 1000, "digest_mismatch"), (b"x" * 999, "size_mismatch")]
)
async def test_other_bytes_under_an_declared_key_reject_the_version(
    api: Api, system: System, model: str, other: bytes, code: str
) -> None:
    session = await api.open(model, file_of("model.bin", b"x" * 1000))
    write(system, session.files[0].key, other)
    version = await api.version(model, 1, wait=30)
    [reason] = version.reasons
    assert (version.state, reason.code, reason.path) == ("rejected", code, "model.bin")

    write(system, session.files[0].key, b"x" * 1000)  # too late
    await stray(system, session.files[0].key, "version_rejected")
    assert (await api.version(model, 1)).state == "rejected"
