"""What a user installs, against the running registry: both clients, subscriptions, the command."""

import asyncio
import hashlib
import io
import json
import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_iris  # pyright: ignore[reportUnknownVariableType] - no types

import registry
from local.processes.ports import HOST
from registry import AsyncModelRegistryClient
from shared.runtime.settings import Settings
from tests.support.api import MIB
from tests.support.command import CODE

EARLIER_EXAMPLE = """
from registry.client import ModelRegistryClient
from registry.schemas import ModelMetadata
import io
import pickle
from sklearn.linear_model import LogisticRegression

# Train a simple model
model = LogisticRegression()
model.fit(X_train, y_train)

# Serialize the model
model_buffer = io.BytesIO()
pickle.dump(model, model_buffer)
model_buffer.seek(0)

# Create client and upload
client = ModelRegistryClient("http://localhost:8000")
metadata = ModelMetadata(
    id="model123",
    name="example_model",
    version="1.0.0",
    file_extension="pkl",
    storage_group="ml-models",
    description="Example model",
    framework="scikit-learn",
    metrics={"accuracy": 0.95},
    parameters={"n_estimators": 100},
    tags={"type": "classification"}
)

response = client.upload_model(model_buffer, metadata)
print(f"Model uploaded with ID: {response.metadata_id}")

# Get model metadata
metadata = client.get_metadata("metadata_id")

# Download model file
model_buffer, metadata = client.get_model(
    file_path=metadata["storage_path"],
    metadata_id=metadata["_id"],
    bucket_name=metadata["storage_group"]
)

# Load the model
model = pickle.load(model_buffer)
"""
"""As the earlier registry's README has it, with its two placeholders: address and id."""


@pytest.fixture(scope="module")
def url(settings: Settings) -> str:
    return f"http://{HOST}:{settings.registry_port}"


def noise(size_bytes: int, seed: str) -> bytes:
    return random.Random(seed).randbytes(size_bytes)  # noqa: S311 - not a secret


def run_command(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CODE, *arguments, "--url", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_earlier_registrys_example_runs_unchanged(url: str, settings: Settings) -> None:
    storage_group = f"earlier-{settings.minio_bucket}"[:63]  # a bucket of this run's own
    example = (
        EARLIER_EXAMPLE.replace("http://localhost:8000", url)
        .replace("ml-models", storage_group)
        .replace('"metadata_id"', "response.metadata_id")
    )
    iris: Any = load_iris()  # pyright: ignore[reportUnknownVariableType]
    names: dict[str, Any] = {"X_train": iris.data[:100], "y_train": iris.target[:100]}
    exec(example, names)  # noqa: S102 - the example is above
    assert names["model"].predict(iris.data[:1])[0] == iris.target[0]
    metadata: dict[str, Any] = names["metadata"]
    assert metadata["id"] == "model123"
    assert metadata["version"] == "1.0.0"
    assert metadata["storage_group"] == storage_group
    by_own_id = names["client"].get_metadata("model123")
    assert by_own_id["_id"] == metadata["_id"]


async def test_a_large_file_and_a_folder_come_back_as_they_were(
    url: str, model: str, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    (folder / "nested").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(noise(12 * MIB, model))
    (folder / "nested" / "config.json").write_bytes(b"{}")
    async with AsyncModelRegistryClient(url) as client:
        version = await client.upload(model, folder)
        assert [artifact.path for artifact in version.artifacts] == [
            "nested/config.json",
            "weights.bin",
        ]
        back = await client.download(model, version.number, to=tmp_path / "back")
    for name in ("weights.bin", "nested/config.json"):
        assert (back / name).read_bytes() == (folder / name).read_bytes()


async def test_the_same_call_again_gives_the_same_version(url: str, model: str) -> None:
    async with AsyncModelRegistryClient(url) as client:
        small = await client.upload(model, b"small")
        large = await client.upload(model, io.BytesIO(noise(6 * MIB, model)))
    async with AsyncModelRegistryClient(url) as client:
        assert (await client.upload(model, b"small")).id == small.id
        assert (await client.upload(model, io.BytesIO(noise(6 * MIB, model)))).id == large.id
        other = await client.upload(model, io.BytesIO(noise(6 * MIB, f"another {model}")))
    assert other.id != large.id, "equal name and size, other content"


async def test_an_interrupted_upload_sends_only_what_storage_lacks(url: str, model: str) -> None:
    content = noise(20 * MIB, model)

    def give_up(done: int, _total: int) -> None:
        if done >= 10 * MIB:
            raise InterruptedError

    async with AsyncModelRegistryClient(url, concurrency=1) as client:
        with pytest.raises(InterruptedError):
            await client.upload(model, io.BytesIO(content), progress=give_up)
    first: list[int] = []
    async with AsyncModelRegistryClient(url, concurrency=1) as client:
        version = await client.upload(
            model, io.BytesIO(content), progress=lambda done, _: first.append(done)
        )
    assert version.number == 1, "no second session was opened"
    assert first[0] >= 5 * MIB, "what storage has counts as done from the start"


async def test_a_subscriber_hears_each_event_once_and_from_any_place(url: str, model: str) -> None:
    async with (
        AsyncModelRegistryClient(url) as client,
        registry.subscribe(url, model=model) as live,
        asyncio.timeout(30),
    ):
        await client.upload(model, b"one")
        await client.upload(model, b"two")
        heard: list[registry.ModelEvent] = []
        async for event in live:
            heard.append(event)
            break
        async for event in live:  # goes on where the first loop was left
            heard.append(event)
            if event.subject.endswith("/2") and event.type == "registry.version.ready.v1":
                break
    assert [event.sequence for event in heard] == [1, 2, 3, 4]
    replay = registry.subscribe(url, model=model, start=2, follow=False)
    assert [event.sequence async for event in replay] == [3, 4]


def test_the_command_uploads_shows_and_downloads(url: str, model: str, tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(noise(3 * MIB, model))
    uploaded = run_command(url, "upload", model, str(file), "--metric", "auc=0.9", "--json")
    assert uploaded.returncode == 0, uploaded.stderr
    assert json.loads(uploaded.stdout)["metrics"] == {"auc": 0.9}
    back = tmp_path / "back.bin"
    downloaded = run_command(url, "download", model, "--to", str(back))
    assert downloaded.returncode == 0, downloaded.stderr
    assert hashlib.sha256(back.read_bytes()).digest() == hashlib.sha256(file.read_bytes()).digest()
    listed = run_command(url, "events", "--model", model)
    assert len(listed.stdout.splitlines()) == 2
    missing = run_command(url, "show", model, "9")
    assert missing.returncode == 3
    assert missing.stderr.startswith("registry: error: ")
    assert missing.stderr.count("\n") == 1


def test_a_pickle_that_comes_back_is_the_one_that_was_sent(url: str, model: str) -> None:
    with registry.ModelRegistryClient(url) as client:
        client.upload(model, pickle.dumps({"weights": [1, 2, 3]}), path="m.pkl")
        assert client.get_version(model).artifacts[0].format == "pickle"
