"""`registry import s3`: models that lie in a bucket."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from registry import AsyncModelRegistryClient
from registry.errors import NotFoundError, SourceError, UnavailableError
from registry.importing.s3 import bucket as module
from registry.importing.s3.bucket import Bucket
from shared.runtime.settings import Settings
from tests.support.command import registry_command
from tests.support.s3 import s3_client


@pytest.fixture
def storage(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the storage, whose key boto3 finds in the environment as well."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", settings.minio_access_key.get_secret_value())
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", settings.minio_secret_key.get_secret_value())
    monkeypatch.setenv("AWS_DEFAULT_REGION", settings.minio_region)
    return s3_client(settings)


@pytest.fixture
def bucket(storage: Any) -> str:
    name = f"import-{uuid4().hex[:12]}"
    storage.create_bucket(Bucket=name)
    return name


@pytest.fixture
def endpoint(settings: Settings) -> str:
    return f"http://{settings.minio_endpoint}"


def put(storage: Any, bucket: str, objects: dict[str, bytes]) -> None:
    for key, content in objects.items():
        storage.put_object(Bucket=bucket, Key=key, Body=content)


async def run(settings: Settings, *arguments: str, status: int = 0) -> str:
    """Run `registry import s3` and return what it prints."""
    command = ("import", "s3", *arguments)
    return await asyncio.to_thread(
        registry_command, *command, url=settings.ingest_url, status=status
    )


async def test_what_was_exported_and_synced_to_a_bucket_comes_in_once(
    settings: Settings,
    client: AsyncModelRegistryClient,
    storage: Any,
    bucket: str,
    endpoint: str,
    model: str,
    tmp_path: Path,
) -> None:
    source = tmp_path / "source"
    (source / "below").mkdir(parents=True)
    (source / "one.bin").write_bytes(b"one")
    (source / "below" / "two.bin").write_bytes(b"two")
    (source / "empty").write_bytes(b"")
    said: dict[str, Any] = {"description": "The tenth.", "tags": {"a": "b"}, "metrics": {"f": 0.5}}
    exported = tmp_path / "out" / model
    (exported / "9").mkdir(parents=True)
    (exported / "9" / "m.bin").write_bytes(b"nine")
    source.rename(exported / "10")
    (exported / "10.json").write_text(json.dumps(said))
    told = {"description": "About it.", "aliases": {"production": 10}}
    (exported / "_model.json").write_text(json.dumps(told))
    files = [each for each in exported.rglob("*") if each.is_file()]
    base = f"nightly/{model}"
    put(
        storage,
        bucket,
        {f"{base}/{each.relative_to(exported).as_posix()}": each.read_bytes() for each in files},
    )
    put(storage, bucket, {f"{base}/10/": b"", "nightly/readme.txt": b"of no model"})

    arguments = (f"s3://{bucket}/nightly", "--endpoint-url", endpoint, "--json")
    report = json.loads(await run(settings, *arguments))
    assert (report["models"], report["imported"], report["problems"]) == (1, 2, [])
    found = await client.get_version(model, "@production")
    assert (found.number, found.description, found.tags) == (10, "The tenth.", {"a": "b"})
    assert {a.path: a.size_bytes for a in found.artifacts} == {"one.bin": 3, "below/two.bin": 3}
    assert found.properties == {"mlflow_empty_files": ["empty"]}
    assert (await client.get_model_info(model)).description == "About it."

    sequence = (await client.get_model_info(model)).sequence
    report = json.loads(await run(settings, *arguments))
    assert (report["present"], report["imported"], report["updated"]) == (2, 0, 0)
    assert (await client.get_model_info(model)).sequence == sequence


async def test_keys_that_are_no_files_of_a_folder_are_refused_and_the_others_come_in(
    settings: Settings,
    client: AsyncModelRegistryClient,
    storage: Any,
    bucket: str,
    endpoint: str,
    model: str,
) -> None:
    put(
        storage,
        bucket,
        {
            f"{model}/1/good.bin": b"good",
            f"{model}/2/back\\slash": b"bad",
            f"{model}/3/x/y": b"a folder",
            f"{model}/4/m.bin": b"with what is no JSON beside it",
            f"{model}/4.json": b"{",
        },
    )
    arguments = (f"s3://{bucket}", "--endpoint-url", endpoint)
    await run(settings, *arguments, "--json", status=4)
    for number in (1, 3):
        assert (await client.get_version(model, number)).state == "ready"
    for number in (2, 4):
        with pytest.raises(NotFoundError):
            await client.get_version(model, number)


async def test_a_source_that_cannot_be_read_is_told_in_one_line(
    settings: Settings, storage: Any, bucket: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = await run(settings, f"s3://{bucket}-no", "--endpoint-url", endpoint, status=2)
    assert missing.splitlines() == [
        f"registry: error: s3://{bucket}-no/: storage answered 404 NoSuchBucket"
    ]
    wrong = await run(settings, "gs://models", status=2)
    assert "must be s3://BUCKET or s3://BUCKET/PREFIX" in wrong
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    refused = await run(settings, f"s3://{bucket}", "--endpoint-url", endpoint, status=2)
    assert "403 SignatureDoesNotMatch" in refused


def test_an_object_that_changes_while_it_is_read_is_refused(
    storage: Any, bucket: str, endpoint: str, tmp_path: Path
) -> None:
    put(storage, bucket, {"m/1/a": b"before"})
    source = Bucket(f"s3://{bucket}", endpoint)
    (listed,) = source.objects("m/1/")
    put(storage, bucket, {"m/1/a": b"after!"})
    with pytest.raises(SourceError, match="was changed while it was read"):
        source.fetch(listed, tmp_path / "a")


def test_a_storage_that_is_away_is_an_outage(
    storage: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    away = Bucket(f"s3://{bucket}", "http://127.0.0.1:1")
    with pytest.raises(UnavailableError):
        next(away.folders(""))
