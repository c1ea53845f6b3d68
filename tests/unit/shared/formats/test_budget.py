"""A check costs at most its limits, and is then no verdict: the file can be judged elsewhere."""

import struct
from dataclasses import replace

import pytest

from shared.formats.check import check_format
from shared.formats.costs import TooCostly
from shared.formats.plan import CHUNK_BYTES, FULL, HEAD_BYTES, SMALL
from tests.support.headers import safetensors_of, with_metadata, with_tensors
from tests.unit.shared.formats.files import (
    ARRAY,
    STRING,
    MemoryReader,
    gguf_file,
    gguf_pair,
    zip_of,
)

MIB = 2**20


async def too_costly(file_name: str, reader: MemoryReader) -> str:
    """Check a file that others must not wait for; give the limit."""
    with pytest.raises(TooCostly) as caught:
        await check_format(file_name, reader, SMALL)
    assert reader.transferred_bytes <= HEAD_BYTES + SMALL.read_bytes
    return caught.value.limit


@pytest.mark.parametrize("size_bytes", [100, HEAD_BYTES, MIB])
async def test_a_header_up_to_a_mebibyte_is_small(size_bytes: int) -> None:
    reader = MemoryReader.of(with_metadata(size_bytes))
    report = await check_format("m.safetensors", reader, SMALL)
    assert report.details["tensor_count"] == 1
    assert len(reader.reads) <= 2, "the head, and the rest in one piece"


async def test_a_larger_header_is_too_costly_before_any_of_it_is_transferred() -> None:
    reader = MemoryReader.of(with_metadata(MIB + 1))
    assert await too_costly("m.safetensors", reader) == "1048576 bytes read"
    assert reader.transferred_bytes == HEAD_BYTES


async def test_a_large_directory_is_too_costly_before_any_of_it_is_transferred() -> None:
    archive = zip_of({f"{index:01000d}": b"" for index in range(1100)})
    reader = MemoryReader.of(archive)
    assert await too_costly("m.zip", reader) == "1048576 bytes read"
    assert reader.transferred_bytes < 100_000, "the head and the end record alone"


async def test_a_large_vocabulary_is_too_costly() -> None:
    token = struct.pack("<Q", 100) + b"t" * 100
    pair = gguf_pair(b"tokens", ARRAY, struct.pack("<IQ", STRING, 20_000) + token * 20_000)
    assert await too_costly("m.gguf", MemoryReader.of(gguf_file([pair]))) == "1048576 bytes read"


async def test_arrays_in_arrays_are_too_costly_by_their_number() -> None:
    arrays = struct.pack("<IQ", ARRAY, 60_000) + struct.pack("<IQ", 0, 0) * 60_000
    file = gguf_file([gguf_pair(b"nested", ARRAY, arrays)])
    assert len(file) < MIB
    assert await too_costly("m.gguf", MemoryReader.of(file)) == "50000 steps"


async def test_empty_members_are_too_costly_by_their_number() -> None:
    members = b",".join(b'"%d":""' % index for index in range(60_000))
    file = safetensors_of(b'{"__metadata__":{' + members + b"}}")
    assert len(file) < MIB
    assert await too_costly("m.safetensors", MemoryReader.of(file)) == "50000 steps"


async def test_entries_are_too_costly_by_their_number() -> None:
    archive = zip_of({f"{index}": b"" for index in range(20)})
    with pytest.raises(TooCostly, match="19 steps"):
        await check_format("m.zip", MemoryReader.of(archive), replace(SMALL, steps=19))
    await check_format("m.zip", MemoryReader.of(archive), replace(SMALL, steps=20))


async def test_no_range_is_longer_than_a_chunk() -> None:
    archive = zip_of({f"{index:01000d}": b"" for index in range(2200)})
    for name, file in (("m.safetensors", with_tensors(60_000)), ("m.zip", archive)):
        reader = MemoryReader.of(file)
        await check_format(name, reader, FULL)
        assert reader.transferred_bytes > 2 * MIB
        assert max(length for _, length in reader.reads) <= CHUNK_BYTES


async def test_an_architecture_of_any_length_is_read_in_part_only() -> None:
    size = 32 * MIB
    value = struct.pack("<Q", size)
    start = gguf_file([gguf_pair(b"general.architecture", STRING, value)], tensors=[], data=b"")
    reader = MemoryReader(len(start) + size, {0: start.rstrip(b"\0")})
    report = await check_format("m.gguf", reader, FULL)
    assert report.details["architecture"] == "?" * 64
    assert max(length for _, length in reader.reads) <= CHUNK_BYTES
