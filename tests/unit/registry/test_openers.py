"""Opening what a version holds, against a registry in memory."""

import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy
import onnx
import pytest
from safetensors.numpy import save

import registry
from registry import openers
from tests.unit.client_fake import FakeRegistry


class Loud:
    """Makes a folder when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._trace),)


@pytest.fixture
def fake(
    serving_fake: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> FakeRegistry:
    monkeypatch.setenv("REGISTRY_CACHE", str(tmp_path / "cache"))

    def connect(_url: str | None, **_: object) -> registry.ModelRegistryClient:
        return serving_fake.blocking_client()

    monkeypatch.setattr("registry.loading.ModelRegistryClient", connect)
    return serving_fake


def upload(fake: FakeRegistry, folder: Path, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    with fake.blocking_client() as client:
        client.upload("m", folder)


def test_tensors_of_all_safetensors_files(fake: FakeRegistry, tmp_path: Path) -> None:
    first, second = numpy.arange(6.0).reshape(2, 3), numpy.ones(2)
    files = {"a/1.safetensors": save({"x": first}), "2.safetensors": save({"y": second})}
    upload(fake, tmp_path / "source", {**files, "other.bin": b"not asked for"})
    found = openers.safetensors("m")
    assert sorted(found) == ["x", "y"]
    assert (found["x"] == first).all()
    assert not fake.sent("^GET /m/1/other.bin")
    assert sorted(openers.safetensors("m:1/2.safetensors")) == ["y"]


def test_an_onnx_model_and_one_of_several_has_to_be_named(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    made = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))
    data = made.SerializeToString()
    upload(fake, tmp_path / "source", {"a.onnx": data, "b/b.onnx": data})
    assert openers.onnx("m:1/b/b.onnx").graph.name == "empty"
    with pytest.raises(registry.NotFoundError, match=r"several such files: name one of a.onnx, b"):
        openers.onnx("m")


def test_nothing_is_unpickled_unless_it_was_asked_for_by_name(
    fake: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "unpickled"
    upload(fake, tmp_path / "source", {"m.pkl": pickle.dumps(Loud(trace))})
    monkeypatch.setitem(sys.modules, "skops.io", type(sys)("skops.io"))
    with pytest.raises(registry.NotFoundError, match=r"matches \*\.skops"):
        openers.sklearn("m")
    assert not trace.exists()
    openers.sklearn("m", trust_pickle=True)
    assert trace.exists()


@pytest.mark.parametrize(
    ("opener", "module", "extra"),
    [
        (openers.safetensors, "safetensors.numpy", "safetensors"),
        (openers.onnx, "onnx", "onnx"),
        (openers.gguf, "gguf", "gguf"),
        (openers.sklearn, "skops.io", "sklearn"),
    ],
)
def test_what_is_not_installed_is_named_before_anything_is_fetched(
    fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch, opener: Any, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(registry.MissingExtraError, match=rf"the extra `{extra}`\): pip install"):
        opener("m")
    assert not fake.requests
