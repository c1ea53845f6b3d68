"""Versions side by side: metadata, files, and the tensors inside real files."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save

from registry import AsyncModelRegistryClient
from registry.errors import InvalidRequestError, NotFoundError
from registry.schemas import Comparison, TensorSummary
from shared.runtime.settings import Settings
from tests.support.api import MIB, Api
from tests.support.command import registry_command
from tests.support.headers import with_tensors
from tests.support.problems import problem
from tests.support.system import System
from tests.unit.shared.formats.files import Q4_0, GgufTensor, gguf_file

PATH = "m.safetensors"
make: Any = cast("Any", helper)


def arrays(**changed: Any) -> dict[str, Any]:
    """Weights, some of them changed; None takes one away."""
    found = {
        "embed": np.arange(12, dtype=np.float32).reshape(3, 4),
        "head": np.ones((4, 2), np.float32),
        "bias": np.zeros(2, np.float16),
        **changed,
    }
    return {name: array for name, array in found.items() if array is not None}


def tensors(found: Comparison) -> Mapping[str, tuple[str, list[str]]]:
    return {row.name: (row.status, list(row.differs)) for row in found.tensors}


async def test_two_versions_are_told_side_by_side_and_what_differs_comes_first(
    client: AsyncModelRegistryClient, model: str
) -> None:
    first = save(arrays(gone=np.ones(1, np.int64)))
    await client.upload(model, first, path=PATH, metrics={"auc": 0.9}, tags={"team": "risk"})
    second = save(
        arrays(
            head=np.full((4, 2), 2, np.float32),
            bias=np.zeros(3, np.float16),
            new=np.ones((2, 2), np.float64),
        )
    )
    await client.upload(model, second, path=PATH, metrics={"auc": 0.95}, version="next")
    await client.set_alias(model, "production", 1)
    found = await client.compare(model, ["@production", "next"])
    assert [(each.number, each.label) for each in found.versions] == [(1, None), (2, "next")]
    assert tensors(found) == {
        "bias": ("changed", ["shape"]),
        "head": ("changed", ["bytes"]),
        "gone": ("partial", []),
        "new": ("partial", []),
        "embed": ("same", []),
    }
    assert [row.name for row in found.tensors] == ["bias", "head", "gone", "new", "embed"]
    bias = {row.name: row for row in found.tensors}["bias"].values
    assert [each and (each.file, each.dtype, each.shape) for each in bias] == [
        (PATH, "F16", [2]),
        (PATH, "F16", [3]),
    ]
    assert found.versions[0].tensors == TensorSummary(
        count=4, parameters=23, size_bytes=92, dtypes={"F16": 1, "F32": 2, "I64": 1}
    )
    assert found.tensor_counts.model_dump() == {"same": 1, "alike": 0, "changed": 2, "partial": 2}
    metadata = {row.name: (row.status, row.values) for row in found.metadata}
    assert metadata["metrics.auc"] == ("changed", [0.9, 0.95])
    assert metadata["tags.team"] == ("partial", ["risk", None])
    assert metadata["framework"] == ("same", ["", ""])
    assert [(row.path, row.status) for row in found.files] == [(PATH, "changed")]
    assert found.left_out == 0


async def test_lookups_tell_the_summary_of_what_was_verified(
    client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(model, save(arrays()), path=PATH)
    [file] = (await client.get_version(model, 1)).artifacts
    assert file.tensors == TensorSummary(
        count=3, parameters=22, size_bytes=84, dtypes={"F16": 1, "F32": 2}
    )
    await client.upload(model, b"no tensors", path="m.bin")
    [file] = (await client.get_version(model, 2)).artifacts
    assert file.tensors is None


def onnx_of(**weights: Any) -> bytes:
    value = make.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = make.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    kept = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = make.make_graph([make.make_node("Relu", ["x"], ["y"])], "g", [value], [result], kept)
    proto = make.make_model(graph, opset_imports=[make.make_opsetid("", 21)])
    return proto.SerializeToString()


async def test_onnx_and_gguf_are_compared_too_and_a_file_may_be_cut_otherwise(
    client: AsyncModelRegistryClient, model: str, tmp_path: Any
) -> None:
    w, b = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(2, np.int64)
    await client.upload(model, onnx_of(w=w, b=b), path="m.onnx")
    await client.upload(model, onnx_of(w=w + 1, b=b), path="other.onnx")
    found = await client.compare(model, [1, 2])
    assert tensors(found) == {"w": ("changed", ["bytes"]), "b": ("same", [])}
    assert [(row.path, row.status) for row in found.files] == [
        ("m.onnx", "partial"),
        ("other.onnx", "partial"),
    ]
    gguf = gguf_file(tensors=(GgufTensor(b"t", (32,), Q4_0),), data=bytes(32))
    changed = gguf_file(tensors=(GgufTensor(b"t", (4, 2)),), data=bytes(32))
    await client.upload(model, gguf, path="m.gguf")
    await client.upload(model, changed, path="m.gguf")
    found = await client.compare(model, [3, 4, 3])
    assert tensors(found) == {"t": ("changed", ["dtype", "shape"])}
    assert [each and each.dtype for each in found.tensors[0].values] == ["Q4_0", "F32", "Q4_0"]
    (tmp_path / "1.safetensors").write_bytes(save({"w": w}))
    (tmp_path / "2.safetensors").write_bytes(save({"b": b}))
    await client.upload(model, tmp_path)
    found = await client.compare(model, [5, 1])
    assert tensors(found) == {"w": ("same", []), "b": ("same", [])}


async def test_of_large_files_the_beginnings_are_read_and_equal_files_are_not_read_at_all(
    client: AsyncModelRegistryClient, model: str
) -> None:
    big = np.zeros(3 * MIB, np.uint8)
    late = big.copy()
    late[-1] = 1
    early = big.copy()
    early[0] = 1
    for label, a, b in (("one", big, big), ("two", big, big), ("three", early, late)):
        await client.upload(model, save({"a": a, "b": b}), path=PATH, version=label)
    assert tensors(await client.compare(model, [1, 2])) == {"a": ("same", []), "b": ("same", [])}
    found = await client.compare(model, [1, 3])
    assert tensors(found) == {"a": ("changed", ["bytes"]), "b": ("changed", ["bytes"])}


async def test_a_version_that_is_not_ready_is_compared_by_what_is_known_of_it(
    client: AsyncModelRegistryClient, model: str, api: Api
) -> None:
    await client.upload(model, save(arrays()), path=PATH)
    await api.open(model, {"path": PATH, "size_bytes": 100})
    found = await client.compare(model, [1, 2])
    assert (found.versions[0].unread, found.tensors) == (None, [])
    assert found.versions[1].unread is not None
    assert found.versions[1].unread.code == "version_not_ready"
    assert [row.status for row in found.files] == ["changed"]


async def test_a_version_whose_object_is_gone_is_compared_without_its_tensors(
    client: AsyncModelRegistryClient, model: str, system: System
) -> None:
    for label in ("one", "two"):  # of bytes of their own, which no other version has
        data = save(arrays(), {"of": f"{model} {label}"})
        await client.upload(model, data, path=PATH, version=label)
    [file] = (await client.get_version(model, "two")).artifacts
    await asyncio.to_thread(
        cast("Any", system.s3).delete_object,
        Bucket=system.settings.minio_bucket,
        Key=file.key,
        VersionId=file.object_version or "",
    )
    found = await client.compare(model, ["one", "two"])
    assert [each.unread and each.unread.code for each in found.versions] == [
        None,
        "object_unreadable",
    ]
    assert found.tensors == []
    assert [each.tensors and each.tensors.count for each in found.versions] == [3, 3]


async def test_a_large_header_is_read_by_a_process_of_its_own_and_rows_are_bounded(
    client: AsyncModelRegistryClient, model: str
) -> None:
    data = with_tensors(60_000)
    await client.upload(model, data, path=PATH)
    await client.upload(model, data[:-1] + b"1", path=PATH)
    found = await client.compare(model, [1, 2], limit=10)
    assert len(found.tensors) == 10
    counts = found.tensor_counts
    assert counts.same + counts.alike + counts.changed == 60_000
    assert counts.same > 0, "some were read"
    assert counts.alike > 50_000, "and not all of them"
    assert found.left_out == 59_990


async def test_a_wrong_request_is_told_what_is_wrong(
    client: AsyncModelRegistryClient, model: str, api: Api
) -> None:
    await client.upload(model, b"bytes", path="m.bin")
    with pytest.raises(NotFoundError, match="has no version '7'"):
        await client.compare(model, [1, 7])
    with pytest.raises(InvalidRequestError, match="versions"):
        await client.compare(model, [1])
    with pytest.raises(InvalidRequestError, match="versions"):
        await client.compare(model, ["@production?at=yesterday", 1])
    answer = await api.query.get(f"/v1/models/{model}/compare?versions=1&versions=1&limit=1001")
    problem(answer, 422, "invalid_request")
    answer = await api.query.get(f"/v1/models/{model}/compare", params={"versions": ["1"] * 11})
    problem(answer, 422, "invalid_request")


async def test_the_command_prints_a_table_and_json(
    client: AsyncModelRegistryClient, model: str, settings: Settings
) -> None:
    await client.upload(model, save(arrays()), path=PATH, metrics={"auc": 0.9})
    changed = arrays(head=np.zeros((4, 2), np.float32), bias=None)
    await client.upload(model, save(changed), path=PATH, metrics={"auc": 0.8})
    told = registry_command("compare", model, "1", "2", url=settings.ingest_url)
    lines = [line.split() for line in told.splitlines()]
    assert ["changed", "metrics.auc", "0.9", "0.8"] in lines
    assert ["changed", "(bytes)", "head", "F32", "[4,", "2]", "F32", "[4,", "2]"] in lines
    assert ["partial", "bias", "F16", "[2]"] in lines
    assert "tensors: 1 same, 1 changed, 1 partial" in told
    assert not any(line[:1] == ["same"] for line in lines)
    shown = registry_command("show", model, "1", url=settings.ingest_url)
    assert "tensors:       3, 22 parameters, 84 bytes, 2 F32, 1 F16" in shown
    answer = json.loads(
        registry_command("compare", model, "1", "2", "--json", url=settings.ingest_url)
    )
    assert answer["tensor_counts"]["changed"] == 1
