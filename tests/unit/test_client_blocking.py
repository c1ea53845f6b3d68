"""The blocking client: the same calls, the earlier registry's among them."""

import asyncio
import gc
import inspect
import io
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import registry
from registry.aio import AsyncModelRegistryClient
from registry.client import ModelRegistryClient
from registry.schemas import ModelMetadata, UploadRequest
from tests.unit.client_fake import FakeRegistry


def metadata(**changes: object) -> ModelMetadata:
    fields = {
        "id": "model/123",
        "name": "example_model",
        "version": "1.0.0",
        "file_extension": "pkl",
        "storage_group": "ml-models",
        "description": "Example model",
        "framework": "scikit-learn",
        "metrics": {"accuracy": 0.95},
        "parameters": {"n_estimators": 100},
        "tags": {"type": "classification"},
        "owner": "someone",
    }
    return ModelMetadata.model_validate(fields | changes)


def test_every_call_has_its_twin() -> None:
    def calls(client: type) -> set[str]:
        found = inspect.getmembers(client, callable)
        return {name for name, _ in found if not name.startswith("_")}

    assert calls(ModelRegistryClient) == calls(AsyncModelRegistryClient)
    for name in calls(ModelRegistryClient) - {"close"}:
        twin = getattr(AsyncModelRegistryClient, name)
        assert inspect.signature(getattr(ModelRegistryClient, name)) == inspect.signature(twin)
        assert inspect.getdoc(getattr(ModelRegistryClient, name))
    assert inspect.signature(ModelRegistryClient) == inspect.signature(AsyncModelRegistryClient)


def test_the_earlier_calls_work_unchanged(serving_fake: FakeRegistry) -> None:
    fake = serving_fake
    client = fake.blocking_client()
    answer = client.upload_model(io.BytesIO(b"pickled"), metadata())
    for name in (answer.metadata_id, "model/123"):
        found = client.get_metadata(name)
        assert found["_id"] == answer.metadata_id
        assert found["id"] == "model/123"
        assert found["storage_path"] == "example_model/1/example_model.pkl"
        assert (found["storage_group"], found["version"]) == ("ml-models", "1.0.0")
        assert (found["name"], found["file_extension"]) == ("example_model", "pkl")
        assert (found["metrics"], found["owner"]) == ({"accuracy": 0.95}, "someone")
    buffer, again = client.get_model(
        file_path=found["storage_path"],
        metadata_id=found["_id"],
        bucket_name=found["storage_group"],
    )
    assert (buffer.read(), again) == (b"pickled", found)
    client.close()


def test_the_earlier_calls_raise_typed_errors() -> None:
    fake = FakeRegistry()
    with fake.blocking_client() as client:
        answer = client.upload_model(io.BytesIO(b"pickled"), metadata())
        with pytest.raises(registry.NotFoundError):
            client.get_metadata("unknown")
        with pytest.raises(registry.NotFoundError, match="no file"):
            client.get_model(file_path="x", metadata_id=answer.metadata_id, bucket_name="y")
        fake.verdict = "rejected"
        with pytest.raises(registry.VersionRejectedError, match="bad_format"):
            client.upload_model(io.BytesIO(b"other"), metadata(version="2"))


def test_pages_become_one_iterator() -> None:
    fake = FakeRegistry(pages=2)
    with fake.blocking_client() as client:
        for name in ("a", "b", "c", "d", "e"):
            client.upload(name, b"w")
        assert [model.name for model in client.list_models()] == ["a", "b", "c", "d", "e"]
        for n in range(4):
            client.upload("a", b"%d" % n)
        assert [version.number for version in client.list_versions("a")] == [5, 4, 3, 2, 1]
        assert next(client.list_models()).name == "a"
        assert client.get_model_info("a").version_count == 5


def test_names_are_encoded_in_paths() -> None:
    fake = FakeRegistry()
    with fake.blocking_client() as client:
        client.upload("naïve.model_x", b"w", version="1 +b", client_id="a/b?c#d%2F")
        assert client.get_version("naïve.model_x", "1 +b").label == "1 +b"
        assert client.get_version_by_id("a/b?c#d%2F").number == 1


def test_the_steps_of_an_upload_by_hand() -> None:
    file = {"path": "a", "size_bytes": 1, "sha256": "0" * 64}
    request = UploadRequest.model_validate({"model": "m", "files": [file]})
    with FakeRegistry().blocking_client() as client:
        session = client.open_upload(request, idempotency_key="k")
        assert session.token, "told when it is opened, and not again"
        assert client.get_upload(session.upload_id) == session.model_copy(update={"token": None})
        with pytest.raises(registry.UploadIncompleteError, match="missing"):
            client.complete_upload(session.upload_id)
        client.abort_upload(session.upload_id)
        with pytest.raises(registry.UploadAbortedError):
            client.complete_upload(session.upload_id)
        assert client.discover().ingest_url == "http://ingest.test"


def test_closing_twice_and_calling_again() -> None:
    client = FakeRegistry().blocking_client()
    client.close()
    client.upload("m", b"w")
    client.close()
    client.close()
    assert client.get_model_info("m").name == "m"
    client.close()


async def test_inside_a_running_event_loop(serving_fake: FakeRegistry, tmp_path: Path) -> None:
    fake = serving_fake
    with fake.blocking_client() as client:  # as a notebook cell does
        client.upload("m", b"w")
        assert client.download("m", to=tmp_path / "x").read_bytes() == b"w"
    assert asyncio.get_running_loop().is_running()


def test_several_threads_share_a_client() -> None:
    fake = FakeRegistry()
    with fake.blocking_client() as client:
        threads = [threading.Thread(target=client.upload, args=("m", b"%d" % n)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(list(client.list_versions("m"))) == 8


def threads() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name == "registry-client"}


def test_a_client_that_cannot_be_made_leaves_no_thread() -> None:
    before = threads()
    client = ModelRegistryClient("nonsense")
    for _ in range(2):
        with pytest.raises(registry.InvalidRequestError, match="no http or https address"):
            client.get_version("m")
    assert threads() == before


def test_a_forgotten_client_ends_its_thread() -> None:
    before = threads()
    client = FakeRegistry().blocking_client()
    client.upload("m", b"w")
    assert len(threads() - before) == 1
    del client
    gc.collect()
    assert not threads() - before


def test_an_interpreter_ends_quietly_with_a_client_open() -> None:
    code = (
        "from tests.unit.client_fake import FakeRegistry\n"
        "client = FakeRegistry().blocking_client()\n"
        "client.upload('m', b'w')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "Warning" not in ended.stderr
