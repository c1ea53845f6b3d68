"""A GGUF file passes when its header can be walked and every tensor lies inside the file."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.check import check_format
from shared.formats.gguf import MAX_HEADER_BYTES, MAX_WALKED_VALUES
from tests.unit.shared.formats.files import (
    ARRAY,
    FORK_TYPE,
    Q4_0,
    STRING,
    UINT32,
    GgufTensor,
    MemoryReader,
    accepted,
    gguf_file,
    gguf_pair,
    gguf_text,
    refused,
    settled,
)

NAME = "model.gguf"


def strings(*texts: bytes) -> bytes:
    return struct.pack("<IQ", STRING, len(texts)) + b"".join(map(gguf_text, texts))


def alignment(value: int) -> bytes:
    return gguf_pair(b"general.alignment", UINT32, struct.pack("<I", value))


ARCHITECTURE = gguf_pair(b"general.architecture", STRING, gguf_text(b"llama"))
PAIRS = [
    ARCHITECTURE,
    gguf_pair(b"llama.block_count", UINT32, struct.pack("<I", 2)),
    gguf_pair(b"general.file_size", 10, struct.pack("<Q", 7)),
    gguf_pair(b"tokenizer.ggml.tokens", ARRAY, strings(b"<s>", b"", "ü".encode())),
    gguf_pair(b"tokenizer.ggml.scores", ARRAY, struct.pack("<IQ3f", 6, 3, 0, 1, 2)),
    gguf_pair(b"nested", ARRAY, struct.pack("<IQ", ARRAY, 1) + strings(b"deep")),
]
TENSORS = [GgufTensor(b"a", (4, 2), 0, 0), GgufTensor(b"b", (32, 2), Q4_0, 32)]
GOOD = gguf_file(PAIRS, TENSORS, data=bytes(32 + 36))


async def test_a_file_by_the_specification_passes_with_its_facts() -> None:
    report = await accepted(NAME, GOOD)
    assert (report.format, report.media_type) == ("gguf", "application/vnd.docker.ai.gguf.v3")
    assert report.details == {
        "gguf_version": 3,
        "tensor_count": 2,
        "parameter_count": 72,
        "architecture": "llama",
    }


@pytest.mark.parametrize(
    "good",
    [
        gguf_file(version=2),
        gguf_file([], [], data=b""),
        gguf_file([alignment(64)], alignment=64),
        gguf_file([gguf_pair(b"k", UINT32, b"\0\0\0\1", ">")], order=">"),
        gguf_file(tensors=[GgufTensor(b"n" * 127)]),
        gguf_file(tensors=[GgufTensor(shape=())]),
        gguf_file(tensors=[GgufTensor(b"empty", (0,)), GgufTensor(b"after", (8,))]),
        gguf_file(tensors=[GgufTensor(b"b", (8,), 0, 32), GgufTensor(b"a", (8,))], data=bytes(64)),
        gguf_file(data=bytes(33)),
    ],
    ids=[
        "version_2",
        "vocabulary_only",
        "wide_alignment",
        "big_endian",
        "long_name",
        "scalar",
        "empty_tensor",
        "unordered",
        "padded_end",
    ],
)
async def test_unusual_but_valid_files_pass(good: bytes) -> None:
    await accepted(NAME, good)
    assert (await accepted("magic_decides", good)).format == "gguf"


async def test_a_tensor_of_an_unknown_type_passes_uncounted() -> None:
    report = await accepted(NAME, gguf_file(tensors=[GgufTensor(type=FORK_TYPE)]))
    assert report.details == {"gguf_version": 3, "tensor_count": 1}


async def test_an_architecture_is_reported_short_and_printable() -> None:
    pair = gguf_pair(b"general.architecture", STRING, gguf_text(b"\n" + b"x" * 999))
    details = (await accepted(NAME, gguf_file([pair]))).details
    assert details["architecture"] == "?" + "x" * 63


@pytest.mark.parametrize(
    ("lying", "code"),
    [
        (b"GGML" + GOOD[4:], "gguf_magic_missing"),
        (gguf_file(version=1), "gguf_version_unsupported"),
        (gguf_file(version=4), "gguf_version_unsupported"),
        (gguf_file(version=0), "gguf_version_unsupported"),
        (gguf_file(counts=(2**63, 0)), "gguf_counts_out_of_bounds"),
        (gguf_file(counts=(1, 2**40)), "gguf_counts_out_of_bounds"),
        (gguf_file([gguf_pair(b"", UINT32, bytes(4))]), "gguf_key_length"),
        (gguf_file([gguf_pair(b"k" * 65_536, UINT32, bytes(4))]), "gguf_key_length"),
        (gguf_file([ARCHITECTURE, ARCHITECTURE]), "gguf_duplicate_key"),
        (gguf_file([gguf_pair(b"k", 13, bytes(8))]), "gguf_value_type"),
        (gguf_file([gguf_pair(b"k", ARRAY, struct.pack("<IQ", 13, 1))]), "gguf_value_type"),
        (
            gguf_file([gguf_pair(b"k", ARRAY, struct.pack("<IQ", ARRAY, 1) * 9)]),
            "gguf_value_type",
        ),
        (gguf_file([gguf_pair(b"k", STRING, struct.pack("<Q", 2**40))]), "gguf_truncated"),
        (gguf_file([gguf_pair(b"k", ARRAY, struct.pack("<IQ", 0, 2**63))]), "gguf_truncated"),
        (
            gguf_file([gguf_pair(b"k", ARRAY, struct.pack("<IQ", STRING, 2**63))]),
            "gguf_too_many_values",
        ),
        (gguf_file([alignment(0)]), "gguf_alignment"),
        (gguf_file([alignment(24)]), "gguf_alignment"),
        (
            gguf_file([gguf_pair(b"general.alignment", 10, struct.pack("<Q", 32))]),
            "gguf_alignment",
        ),
        (gguf_file(tensors=[GgufTensor(b"n" * 256)]), "gguf_tensor_name_length"),
        (gguf_file(tensors=[GgufTensor(shape=(1,) * 5)]), "gguf_tensor_dimensions"),
        (gguf_file(tensors=[GgufTensor(), GgufTensor()]), "gguf_tensor_duplicate_name"),
        (gguf_file(tensors=[GgufTensor(shape=(2**32, 2**32))]), "gguf_tensor_size_overflow"),
        (gguf_file(tensors=[GgufTensor(shape=(0, 2**63))]), "gguf_tensor_size_overflow"),
        (
            gguf_file(tensors=[GgufTensor(shape=(16, 2), type=Q4_0)]),
            "gguf_tensor_row_not_whole_blocks",
        ),
        (gguf_file(tensors=[GgufTensor(offset=8, shape=(1,))]), "gguf_tensor_misaligned"),
        (gguf_file(tensors=[GgufTensor(offset=2**40)]), "gguf_tensor_out_of_bounds"),
        (gguf_file(tensors=[GgufTensor(shape=(9,))]), "gguf_tensor_out_of_bounds"),
        (gguf_file([alignment(2**31)], alignment=1), "gguf_tensor_out_of_bounds"),
        (
            gguf_file(tensors=[GgufTensor(offset=64, type=FORK_TYPE)]),
            "gguf_tensor_out_of_bounds",
        ),
        (
            gguf_file(
                tensors=[GgufTensor(b"a", (9,)), GgufTensor(b"b", (8,), 0, 32)], data=bytes(64)
            ),
            "gguf_tensor_overlap",
        ),
    ],
)
async def test_a_header_that_lies_is_refused(lying: bytes, code: str) -> None:
    assert await refused(NAME, lying) == code


async def test_a_header_over_the_limit_is_refused() -> None:
    pair = gguf_pair(b"k", ARRAY, struct.pack("<IQ", 0, MAX_HEADER_BYTES))
    start = gguf_file([pair], data=b"")
    reader = MemoryReader(2**40, {0: start})
    assert await refused(NAME, reader) == "gguf_header_too_large"
    assert reader.transferred_bytes < 2 * 2**20


async def test_a_million_empty_strings_over_the_limit_cost_little() -> None:
    pair = gguf_pair(b"k", ARRAY, struct.pack("<IQ", STRING, MAX_WALKED_VALUES + 1))
    reader = MemoryReader(2**40, {0: gguf_file([pair], data=b"")})
    assert await refused(NAME, reader) == "gguf_too_many_values"
    assert len(reader.reads) < 10


async def test_a_large_vocabulary_costs_a_read_for_each_megabyte() -> None:
    pair = gguf_pair(b"tokenizer.ggml.tokens", ARRAY, strings(*[b"token" * 8] * 100_000))
    good = gguf_file([pair])
    reader = MemoryReader.of(good)
    await check_format(NAME, reader)
    assert len(reader.reads) <= 2 + len(good) // 2**20 + 1


async def test_a_large_model_costs_its_header_only() -> None:
    tensors = [GgufTensor(b"a", (2**30,)), GgufTensor(b"b", (2**30,), 0, 2**32)]
    start = gguf_file(PAIRS, tensors, data=b"")
    reader = MemoryReader(len(start) + 2**33, {0: start})
    report = await check_format(NAME, reader)
    assert report.details["parameter_count"] == 2**31
    assert reader.transferred_bytes < 2 * 2**20


async def test_a_file_cut_at_any_byte_is_refused() -> None:
    for length in range(len(GOOD)):
        await refused(NAME, GOOD[:length])


@given(st.binary(max_size=200), st.integers(4, len(GOOD)))
async def test_random_bytes_end_in_a_report_or_a_format_error(data: bytes, at: int) -> None:
    await settled(NAME, data)
    await settled(NAME, b"GGUF" + data)
    await settled(NAME, GOOD[:at] + data + GOOD[at + len(data) :])
