"""An ONNX file passes when it is one protobuf message with all that a model must have."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from shared.formats.check import check_format
from shared.formats.costs import TooCostly
from shared.formats.onnx import MAX_FIELDS, MAX_FILE_BYTES
from shared.formats.plan import FULL
from tests.unit.shared.formats.files import (
    MemoryReader,
    accepted,
    refused,
    settled,
)

NAME = "model.onnx"
make: Any = cast("Any", helper)  # its functions are only partly typed


def model(**fields: Any) -> Any:
    """Make a model of one Relu; `fields` overwrite those of ModelProto."""
    value = make.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = make.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = make.make_graph([make.make_node("Relu", ["x"], ["y"])], "g", [value], [result])
    graph.initializer.append(numpy_helper.from_array(np.ones(100, np.float32), "w"))
    proto = make.make_model(graph, producer_name="tests", opset_imports=[make.make_opsetid("", 21)])
    for name, content in fields.items():
        setattr(proto, name, content)
    cast("Any", onnx.checker).check_model(proto)
    return proto


GOOD: bytes = model().SerializeToString()
GRAPH = b"\x3a\x00"
OPSET = b"\x42\x02\x10\x15"
IR = b"\x08\x0a"


async def test_a_file_of_the_reference_writer_passes_with_its_facts() -> None:
    report = await accepted(NAME, GOOD)
    assert report.format == "onnx"
    assert report.details == {
        "ir_version": model().ir_version,
        "producer": "tests",
        "opset": 21,
        "tensor_count": 1,
        "parameter_count": 100,
    }


async def test_every_field_of_the_model_is_known() -> None:
    proto = model(model_version=-1, doc_string="d", domain="org.test", producer_version="1")
    proto.opset_import.append(make.make_opsetid("com.test", 1))
    helper.set_model_props(proto, {"key": "value"})
    proto.functions.append(
        make.make_function("com.test", "F", ["x"], ["x"], [], [make.make_opsetid("", 21)])
    )
    proto.training_info.add()
    assert (await accepted(NAME, proto.SerializeToString())).details["opset"] == 21


@pytest.mark.parametrize(
    "good",
    [
        OPSET + GRAPH + IR,
        b"\x08\x02" + GRAPH,
        IR + GRAPH + OPSET + b"\xf8\x07\x01" + b"\xf9\x07" + bytes(8) + b"\xfd\x07" + bytes(4),
        IR + GRAPH + b"\x42\x0b\x0a\x07ai.onnx\x10\x15",
    ],
    ids=["any_order", "ir_version_2_without_opset", "fields_of_a_later_version", "named_domain"],
)
async def test_unusual_messages_that_protobuf_reads_pass(good: bytes) -> None:
    onnx.load_model_from_string(good)
    await accepted(NAME, good)


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (GRAPH + OPSET, "onnx_ir_version_missing"),
        (b"\x08\x00" + GRAPH + OPSET, "onnx_ir_version_missing"),
        (IR + OPSET, "onnx_graph_missing"),
        (IR + GRAPH, "onnx_opset_import_missing"),
        (GOOD + b"\0", "onnx_tag"),
        (GOOD + b"\x0b", "onnx_tag"),
        (GOOD + b"\x0a\x00", "onnx_wire_type"),
        (GOOD + b"\x38\x00", "onnx_wire_type"),
        (GOOD + b"\x3a\x01", "onnx_truncated"),
        (GOOD + b"\xff" * 11, "onnx_varint"),
        (GOOD + b"\x42\x01\x10", "onnx_truncated"),
        (GOOD + b"\x42\x01\x10\x01", "onnx_opset_import"),
        (GOOD + b"\x42\x02\x0a\x05ai.onnx", "onnx_opset_import"),
        (GOOD + b"\x12\x81\x80\x04" + bytes(65_537), "onnx_field_too_large"),
    ],
)
async def test_a_broken_message_is_refused(broken: bytes, code: str) -> None:
    assert await refused(NAME, broken) == code


async def test_a_file_over_the_limit_of_protobuf_is_refused() -> None:
    reader = MemoryReader(MAX_FILE_BYTES + 1, {0: IR + GRAPH + OPSET})
    assert await refused(NAME, reader) == "onnx_too_large"


async def test_a_large_graph_is_skipped_by_its_length() -> None:
    start = IR + b"\x3a\x80\x80\x80\x80\x04"  # a graph of 2**30 bytes
    reader = MemoryReader(len(start) + 2**30 + len(OPSET), {0: start, len(start) + 2**30: OPSET})
    await check_format(NAME, reader)
    assert len(reader.reads) == 4  # the last one looks for weights at the graph's beginning
    assert reader.transferred_bytes < 150_000


async def test_too_many_fields_are_refused() -> None:
    assert await refused(NAME, GOOD + b"\x28\x00" * MAX_FIELDS) == "onnx_too_many_fields"


async def test_fields_that_each_need_a_read_are_too_costly_after_a_bounded_number() -> None:
    field = b"\xca\x01\x80\x80\x08"  # functions, 2**17 bytes
    step = len(field) + 2**17
    reader = MemoryReader(step * 99, {index * step: field for index in range(99)})
    with pytest.raises(TooCostly, match="50 separate reads"):
        await check_format(NAME, reader, replace(FULL, reads=50))
    assert len(reader.reads) <= 1 + 50
    with pytest.raises(TooCostly, match="1048576 bytes read"):
        await check_format(NAME, reader, replace(FULL, read_bytes=2**20))


async def test_a_file_cut_at_any_byte_is_refused() -> None:
    for length in range(len(GOOD)):
        await refused(NAME, GOOD[:length])


@given(st.binary(max_size=200), st.integers(0, len(GOOD)))
async def test_random_bytes_end_in_a_report_or_a_format_error(data: bytes, at: int) -> None:
    await settled(NAME, data)
    await settled(NAME, IR + data)
    await settled(NAME, GOOD[:at] + data + GOOD[at + len(data) :])
