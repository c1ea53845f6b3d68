"""The tensors of a file are told as its own library tells them, and a header cannot cost much."""

import json
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save

from shared.formats.check import check_format
from shared.formats.costs import TooCostly
from shared.formats.inventory import (
    MAX_DTYPES,
    MAX_NAME_CHARS,
    OTHER,
    Inventory,
    Tensor,
    Totals,
    listed_name,
)
from shared.formats.listing import Contents, list_tensors
from shared.formats.onnx_tensors import DTYPES
from shared.formats.report import FormatError
from shared.formats.sandbox.limits import MIB, ProcessLimits
from shared.formats.sandbox.processes import CheckProcesses
from tests.support.headers import safetensors_of, with_metadata, with_tensors
from tests.unit.shared.formats.files import Q4_0, GgufTensor, MemoryReader, gguf_file

LIMITS = ProcessLimits(memory_bytes=384 * MIB, cpu_seconds=30)
make: Any = cast("Any", helper)


async def listed(name: str, data: bytes, limit: int = 1000) -> Contents:
    """List the tensors of a file whose header is small."""
    return await list_tensors(name, MemoryReader.of(data), limit, cast("Any", None))


def bytes_of(data: bytes, tensor: Tensor) -> bytes:
    return data[tensor.begin : tensor.begin + tensor.size_bytes]


def onnx_of(*weights: Any, nodes: int = 1, **graph: Any) -> bytes:
    value = make.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = make.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    steps = [make.make_node("Relu", ["x"], ["y"], name=f"node {n}") for n in range(nodes)]
    made = make.make_graph(steps, "g", [value], [result], initializer=list(weights), **graph)
    return make.make_model(made, opset_imports=[make.make_opsetid("", 21)]).SerializeToString()


async def test_safetensors_of_the_reference_writer() -> None:
    arrays = {
        "embed.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
        "head.bias": np.ones(5, np.float16),
        "steps": np.array(7, np.int64),
    }
    data = save(arrays)
    found = await listed("m.safetensors", data)
    assert found.totals == Totals(3, 18, 48 + 10 + 8, {"F32": 1, "F16": 1, "I64": 1})
    by_name = {each.name: each for each in found.tensors}
    assert {n: (t.dtype, t.shape) for n, t in by_name.items()} == {
        "embed.weight": ("F32", (3, 4)),
        "head.bias": ("F16", (5,)),
        "steps": ("I64", ()),
    }
    for name, array in arrays.items():
        assert bytes_of(data, by_name[name]) == array.tobytes()


async def test_gguf_of_its_specification() -> None:
    tensors = (
        GgufTensor(b"a", (4, 2)),
        GgufTensor(b"b", (32,), Q4_0, offset=32),
    )
    data = gguf_file(tensors=tensors, data=bytes(range(64)))
    found = await listed("m.gguf", data)
    assert found.totals == Totals(2, 40, 50, {"F32": 1, "Q4_0": 1})
    first, second = found.tensors
    assert (first.name, first.dtype, first.shape) == ("a", "F32", (4, 2))
    assert bytes_of(data, first) == bytes(range(32))
    assert bytes_of(data, second) == bytes(range(32, 50))


async def test_gguf_with_a_type_that_nobody_knows_tells_its_tensors_without_their_bytes() -> None:
    found = await listed("m.gguf", gguf_file(tensors=(GgufTensor(type=137),)))
    assert found.totals == Totals(1, None, None, {"type_137": 1})
    assert found.tensors == [Tensor("weight", "type_137", (8,), found.tensors[0].begin, -1)]


async def test_onnx_of_the_reference_writer() -> None:
    raw = np.arange(6, dtype=np.float32).reshape(2, 3)
    typed = make.make_tensor("typed", TensorProto.FLOAT, [2], [1.0, 2.0])
    varints = make.make_tensor("varints", TensorProto.INT64, [2], [1, 2])
    texts = make.make_tensor("texts", TensorProto.STRING, [1], [b"text"])
    data = onnx_of(numpy_helper.from_array(raw, "raw"), typed, varints, texts, nodes=30)
    found = await listed("m.onnx", data)
    assert found.totals == Totals(4, 11, None, {"F32": 2, "I64": 1, "STRING": 1})
    by_name = {each.name: each for each in found.tensors}
    assert (by_name["raw"].dtype, by_name["raw"].shape) == ("F32", (2, 3))
    assert bytes_of(data, by_name["raw"]) == raw.tobytes()
    assert bytes_of(data, by_name["typed"]) == np.array([1, 2], np.float32).tobytes()
    assert by_name["varints"].begin == -1, "its bytes are not those of the tensor"
    assert (by_name["texts"].begin, by_name["texts"].size_bytes) == (-1, -1)


async def test_onnx_whose_weights_are_elsewhere_or_large_is_read_in_few_small_ranges() -> None:
    outside = numpy_helper.from_array(np.zeros((4, 4), np.float32), "outside")
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="weights.bin")
    weights = [numpy_helper.from_array(np.zeros(100_000, np.float32), f"w{n}") for n in range(20)]
    data = onnx_of(outside, *weights)
    reader = MemoryReader.of(data)
    found = await list_tensors("m.onnx", reader, 100, cast("Any", None))
    assert found.totals == Totals(21, 2_000_016, 8_000_064, {"F32": 21})
    assert {t.name: t.begin < 0 for t in found.tensors}["outside"]
    assert reader.transferred_bytes < 400_000


def test_every_dtype_of_onnx_has_a_name_and_its_own_size() -> None:
    known: dict[str, int] = dict(cast("Any", TensorProto.DataType).items())
    assert set(DTYPES) == {number for number in known.values() if number}
    for number, (dtype, bits) in DTYPES.items():
        if bits >= 8:
            assert make.tensor_dtype_to_np_dtype(number).itemsize * 8 == bits, dtype


@pytest.mark.parametrize(
    "graph",
    [
        b"\x2a\x05",  # an initializer longer than the graph
        b"\x2a\x03\x08\xff\xff",  # a dimension that does not end
        b"\x2a\x0b\x08" + b"\xff" * 9 + b"\x01",  # a negative dimension
        b"\x2a\x82\x01" + b"\x08\x01" * 65,  # too many dimensions
    ],
)
async def test_a_graph_that_cannot_be_followed_is_a_model_without_tensors(graph: bytes) -> None:
    data = b"\x08\x0a\x42\x02\x10\x15\x3a" + varint(len(graph)) + graph
    with pytest.raises(FormatError):
        await listed("m.onnx", data)
    report = await check_format("m.onnx", MemoryReader.of(data))
    assert report.tensors is None


def varint(number: int) -> bytes:
    found = bytearray()
    while number >= 128:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


@given(st.binary(max_size=200))
async def test_whatever_a_graph_holds_the_model_passes(graph: bytes) -> None:
    data = b"\x08\x0a\x42\x02\x10\x15\x3a" + varint(len(graph)) + graph
    assert (await check_format("m.onnx", MemoryReader.of(data))).format == "onnx"


def long_names(count: int) -> bytes:
    tensor = b'{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    names = (b'"%s%05d":%s' % (b"n" * 1000, index, tensor) for index in range(count))
    return safetensors_of(b"{" + b",".join(names) + b"}")


def with_shapes(count: int, shape: tuple[int, ...]) -> bytes:
    entry = json.dumps({"dtype": "U8", "shape": shape, "data_offsets": [0, 0]})
    return safetensors_of(("{" + ",".join(f'"{n}": {entry}' for n in range(count)) + "}").encode())


HOSTILE: list[Callable[[], bytes]] = [
    lambda: with_tensors(2000),
    lambda: long_names(200),
    lambda: with_shapes(200, (0, *(257,) * 63)),
    lambda: safetensors_of(
        b'{"%s":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}' % (b"n" * (MAX_NAME_CHARS + 1))
    ),
    lambda: safetensors_of(
        b'{"n":{"dtype":"U8","shape":[%s],"data_offsets":[0,0]}}' % b",".join([b"0"] * 5000)
    ),
]


@pytest.mark.parametrize("index", range(len(HOSTILE)))
async def test_more_than_may_be_listed_is_refused(index: int) -> None:
    processes = CheckProcesses(LIMITS, 1)
    with pytest.raises(TooCostly):
        await list_tensors("m.safetensors", MemoryReader.of(HOSTILE[index]()), 1000, processes)


async def test_a_large_header_is_listed_by_a_process_of_its_own() -> None:
    processes = CheckProcesses(LIMITS, 1)
    found = await list_tensors(
        "m.safetensors", MemoryReader.of(with_tensors(60_000)), 60_000, processes
    )
    assert found.totals == Totals(60_000, 60_000, 60_000, {"U8": 60_000})
    assert [t.name for t in found.tensors[:2]] == ["w0000000", "w0000001"]
    assert len(found.tensors) == 60_000
    data = with_metadata(3 * MIB)
    [only] = (await list_tensors("m.safetensors", MemoryReader.of(data), 10, processes)).tensors
    assert bytes_of(data, only) == b"1"


@given(st.text(max_size=50))
def test_every_name_can_be_written_as_utf8(name: str) -> None:
    assert listed_name(name).encode() == name.encode("utf-8", "backslashreplace")
    assert listed_name("\ud800") == "\\ud800"
    assert listed_name(b"\xff") == "\\xff"


def test_totals_stay_small_whatever_a_file_says() -> None:
    inventory = Inventory()
    for number in range(1000):
        inventory.add(b"", f"type_{number}", (), 2**62, 0, None)
    totals = inventory.totals()
    assert (totals.count, totals.parameters, totals.size_bytes) == (1000, None, None)
    assert len(totals.dtypes) == MAX_DTYPES + 1
    assert totals.dtypes[OTHER] == 1000 - MAX_DTYPES


async def test_a_file_of_no_tensors_lists_none() -> None:
    onnx_file: bytes = onnx.ModelProto(
        ir_version=10, graph=onnx.GraphProto(), opset_import=[onnx.OperatorSetIdProto(version=21)]
    ).SerializeToString()
    assert await listed("m.onnx", onnx_file) == Contents(Totals(0, 0, 0), [])
