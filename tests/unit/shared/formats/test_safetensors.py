"""A safetensors file passes when its header tells the truth about every byte that follows."""

import json
import struct
import tracemalloc
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
import safetensors
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from shared.formats import json_members
from shared.formats.check import check_format
from shared.formats.safetensors import DTYPE_BITS, MAX_HEADER_BYTES
from tests.unit.shared.formats.files import (
    MemoryReader,
    accepted,
    refused,
    settled,
)

NAME = "weights/model.safetensors"
deserialize = cast("Callable[[bytes], object]", cast("Any", safetensors).deserialize)
"""The reference reader; it raises for a file that it does not load."""
GOOD = save(
    {"a": np.ones((2, 3), np.float32), "b": np.zeros(4, np.int8), "empty": np.zeros((0, 7))},
    metadata={"framework": "numpy", "note": 'ü "quoted" \\ {brace}'},
)


def file_of(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype: object, shape: object, begin: object, end: object) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


async def test_a_file_of_the_reference_writer_passes_with_its_counts() -> None:
    report = await accepted(NAME, GOOD)
    assert report.format == "safetensors"
    assert report.details == {"tensor_count": 3, "parameter_count": 10}


@pytest.mark.parametrize("dtype", sorted(DTYPE_BITS))
async def test_every_dtype_of_the_reference_passes(dtype: str) -> None:
    data = bytes(DTYPE_BITS[dtype])  # eight elements
    good = file_of({"t": tensor(dtype, [2, 4], 0, len(data))}, data)
    deserialize(good)  # the reference agrees
    assert (await accepted(NAME, good)).details["parameter_count"] == 8


@pytest.mark.parametrize(
    "good",
    [
        file_of({}),
        file_of(b"{}  \n"),
        file_of({"scalar": tensor("F32", [], 0, 4)}, bytes(4)),
        file_of({"__metadata__": None}),
        file_of({"": tensor("U8", [1], 1, 2), "unordered": tensor("U8", [1], 0, 1)}, bytes(2)),
        file_of(b'{"t\\u00e9" : {"dtype":"U8",\n"shape":[0],"data_offsets":[0,0],"more":"}"} }'),
    ],
)
async def test_unusual_files_that_the_reference_loads_pass(good: bytes) -> None:
    deserialize(good)
    await accepted(NAME, good)


@pytest.mark.parametrize(
    ("header", "data", "code"),
    [
        (b"", b"", "safetensors_header_start"),
        (b" {}", b"", "safetensors_header_start"),
        (b"[]", b"", "safetensors_header_start"),
        (b"{", b"", "safetensors_header_not_json"),
        (b"{}{}", b"", "safetensors_header_not_json"),
        (b'{"a":1}', b"", "safetensors_header_not_json"),
        (b'{"a":{"dtype":NaN}}', b"", "safetensors_header_not_json"),
        (b'{"\xff":{}}', b"", "safetensors_header_not_json"),
        (
            b'{"a":{"shape":' + b"[" * 30_000 + b"]" * 30_000 + b"}}",
            b"",
            "safetensors_header_not_json",
        ),
        (b'{"__metadata__":{"a":"1","a":"2"}}', b"", "safetensors_header_duplicate_key"),
        (b'{"__metadata__":{},"__metadata__":{}}', b"", "safetensors_header_duplicate_key"),
        (b'{"a":{"dtype":"U8","dtype":"U8"}}', b"", "safetensors_header_not_json"),
        ({"__metadata__": {"a": 1}}, b"", "safetensors_header_not_json"),
        ({"__metadata__": []}, b"", "safetensors_header_not_json"),
        ({"a": tensor("F9", [1], 0, 1)}, b"1", "safetensors_tensor_dtype"),
        ({"a": tensor(8, [1], 0, 1)}, b"1", "safetensors_tensor_dtype"),
        ({"a": tensor("U8", [-1], 0, 1)}, b"1", "safetensors_tensor_shape"),
        ({"a": tensor("U8", [1.0], 0, 1)}, b"1", "safetensors_tensor_shape"),
        ({"a": tensor("U8", [True], 0, 1)}, b"1", "safetensors_tensor_shape"),
        ({"a": tensor("U8", None, 0, 1)}, b"1", "safetensors_tensor_shape"),
        ({"a": tensor("U8", [1], 1, 0)}, b"1", "safetensors_tensor_offsets"),
        (
            {"a": {"dtype": "U8", "shape": [1], "data_offsets": [1]}},
            b"1",
            "safetensors_tensor_offsets",
        ),
        ({"a": tensor("U8", [2], 0, 1)}, b"1", "safetensors_tensor_size_mismatch"),
        ({"a": tensor("F4", [1], 0, 1)}, b"1", "safetensors_tensor_size_mismatch"),
        ({"a": tensor("U8", [2**63, 2, 0], 0, 0)}, b"", "safetensors_tensor_size_overflow"),
        ({"a": tensor("U64", [2**62], 0, 0)}, b"", "safetensors_tensor_size_overflow"),
        ({"a": tensor("U8", [1], 1, 2)}, b"12", "safetensors_tensor_not_contiguous"),
        (
            {"a": tensor("U8", [2], 0, 2), "b": tensor("U8", [2], 1, 3)},
            b"123",
            "safetensors_tensor_not_contiguous",
        ),
        ({"a": tensor("U8", [2], 0, 2)}, b"123", "safetensors_size_mismatch"),
        ({"a": tensor("U8", [2], 0, 2)}, b"1", "safetensors_size_mismatch"),
        ({}, b"hidden", "safetensors_size_mismatch"),
    ],
)
async def test_a_header_that_lies_is_refused(header: object, data: bytes, code: str) -> None:
    assert await refused(NAME, file_of(header, data)) == code


async def test_a_tensor_named_twice_is_refused() -> None:
    entry = json.dumps(tensor("U8", [1], 0, 1))
    header = f'{{"a":{entry},"\\u0061":{entry}}}'.encode()
    assert await refused(NAME, file_of(header, b"1")) == "safetensors_header_duplicate_key"


async def test_a_header_past_the_end_of_the_file_is_refused() -> None:
    lying = struct.pack("<Q", 3) + b"{}"
    assert await refused(NAME, lying) == "safetensors_header_out_of_bounds"


async def test_a_header_over_the_limit_of_the_reference_is_refused_unread() -> None:
    reader = MemoryReader(2**40, {0: struct.pack("<Q", MAX_HEADER_BYTES + 1) + b"{"})
    assert await refused(NAME, reader) == "safetensors_header_too_large"
    assert reader.transferred_bytes < 10_000


async def test_junk_is_refused_before_its_claimed_header_is_transferred() -> None:
    reader = MemoryReader(2**40, {0: struct.pack("<Q", MAX_HEADER_BYTES) + b"junk"})
    assert await refused(NAME, reader) == "safetensors_header_start"
    assert reader.transferred_bytes < 10_000


async def test_a_large_model_costs_its_header_only() -> None:
    size = 10 * 2**30
    start = file_of({"a": tensor("U8", [size], 0, size)})
    reader = MemoryReader(len(start) + size, {0: start})
    await check_format(NAME, reader)
    assert reader.transferred_bytes < 10_000


async def test_more_members_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_members, "MAX_MEMBERS", 2)
    assert await refused(NAME, GOOD) == "safetensors_header_too_many_members"


async def test_nested_lists_are_refused_in_bounded_memory() -> None:
    header = b'{"a":{"dtype":"U8","shape":[' + b"[]," * 1_000_000 + b"0]}}"
    tracemalloc.start()
    try:
        assert await refused(NAME, file_of(header)) == "safetensors_header_not_json"
        assert tracemalloc.get_traced_memory()[1] < 5 * len(header)
    finally:
        tracemalloc.stop()


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(
    lambda name: name != "__metadata__"
)
shapes = st.lists(st.integers(0, 4), max_size=3)
tensors: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    names, shapes.map(lambda shape: np.zeros(shape, np.int16)), max_size=4
)


@given(tensors, st.none() | st.dictionaries(names, names, max_size=3))
async def test_whatever_the_reference_writes_passes(
    arrays: dict[str, Any], metadata: dict[str, str] | None
) -> None:
    if not arrays and metadata == {}:
        metadata = None  # safetensors 0.8 writes a broken header here, which it does not load
    report = await accepted(NAME, save(arrays, metadata))
    assert report.details["tensor_count"] == len(arrays)


@given(st.integers(0, len(GOOD) - 1))
async def test_a_file_cut_at_any_byte_is_refused(length: int) -> None:
    await refused(NAME, GOOD[:length])


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
async def test_what_passes_with_one_changed_byte_the_reference_loads(at: int, byte: int) -> None:
    changed = GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]
    try:
        deserialize(changed)
    except (safetensors.SafetensorError, ValueError):
        await refused(NAME, changed)


@given(st.binary(max_size=200))
async def test_random_bytes_end_in_a_report_or_a_format_error(data: bytes) -> None:
    await settled(NAME, data)
    await settled(NAME, file_of(b"{" + data))
