"""Name and magic bytes decide what a file must be; the rest passes as unknown."""

import gzip
import io
import pickle
import struct
import zlib
from pathlib import Path
from typing import Any, cast

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.check import check_format
from shared.formats.pickle import LEGACY_TORCH_MAGIC
from shared.formats.report import FormatReport
from tests.unit.shared.formats.files import (
    MemoryReader,
    accepted,
    gguf_file,
    refused,
    settled,
    zip_of,
)

PICKLE = pickle.dumps({"weights": list(range(100))}, protocol=4)
joblib_dump: Any = cast("Any", joblib).dump


def hdf5(version: int = 0, *, size: int = 96, end: int | None = None, base: int = 0) -> bytes:
    """Write a superblock of a file with `size` bytes and 8-byte addresses."""
    addresses = struct.pack("<4Q", base, 2**64 - 1, size + base if end is None else end, 2**64 - 1)
    fixed = {
        0: struct.pack("<8BHHL", 0, 0, 0, 0, 0, 8, 8, 0, 4, 16, 0),
        1: struct.pack("<8BHHLHH", 1, 0, 0, 0, 0, 8, 8, 0, 4, 16, 0, 32, 0),
        2: struct.pack("<4B", 2, 8, 8, 0),
        3: struct.pack("<4B", 3, 8, 8, 0),
    }[version]
    return (b"\x89HDF\r\n\x1a\n" + fixed + addresses).ljust(size, b"\0")


@pytest.mark.parametrize("file_name", ["m.safetensors", "m.pt", "m.bin", "anything", "m.onnx"])
async def test_an_empty_file_is_refused(file_name: str) -> None:
    assert await refused(file_name, b"") == "empty_file"


@pytest.mark.parametrize(
    ("file_name", "data"),
    [
        ("config.json", b"{}"),
        ("weights.bin", bytes(10)),
        ("model.ckpt", b"\x80\x02K\x01."),
        ("array.npy", b"\x93NUMPY"),
        ("one", b"1"),
        ("folder.pt/readme", b"text"),
    ],
)
async def test_other_files_pass_as_unknown(file_name: str, data: bytes) -> None:
    assert await accepted(file_name, data) == FormatReport("unknown", "application/octet-stream")


@pytest.mark.parametrize(
    ("file_name", "data", "format_name"),
    [
        ("weights.bin", zip_of({"a/data.pkl": b""}), "pytorch-zip"),
        ("weights.bin", gguf_file(), "gguf"),
        ("weights", hdf5(), "hdf5"),
        ("model.ckpt", LEGACY_TORCH_MAGIC + b"rest", "pickle"),
        ("legacy.keras", hdf5(), "hdf5"),
        ("model.PKL", zip_of({"a/data.pkl": b""}), "pytorch-zip"),
        ("model.pth", PICKLE, "pickle"),
        ("model.pt", LEGACY_TORCH_MAGIC + b"more pickles and tensors", "pickle"),
        ("model.pkl", LEGACY_TORCH_MAGIC + b"more pickles and tensors", "pickle"),
    ],
)
async def test_magic_bytes_decide_where_the_name_leaves_a_choice(
    file_name: str, data: bytes, format_name: str
) -> None:
    assert (await accepted(file_name, data)).format == format_name


@pytest.mark.parametrize(
    ("file_name", "code"),
    [
        ("m.safetensors", "safetensors_header_too_large"),
        ("a/b/M.GGUF", "gguf_magic_missing"),
        (".gguf", "gguf_magic_missing"),
        ("m.onnx", "onnx_tag"),
        ("m.h5", "hdf5_signature_missing"),
    ],
)
async def test_another_format_under_a_claiming_name_is_refused(file_name: str, code: str) -> None:
    assert await refused(file_name, zip_of({"a": bytes(99)})) == code


async def test_a_broken_file_under_a_free_name_is_still_refused_by_its_magic() -> None:
    assert await refused("weights.bin", zip_of({"a": b"1"})[:-1]) == "zip_end_missing"
    assert await refused("weights.bin", gguf_file()[:-1]) == "gguf_tensor_out_of_bounds"


@pytest.mark.parametrize("protocol", [0, 1])
async def test_a_pickle_of_python_2_passes(protocol: int) -> None:
    report = await accepted("model.pkl", pickle.dumps([1, "two"], protocol))
    assert report == FormatReport("pickle")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
async def test_a_pickle_passes_with_its_protocol(protocol: int) -> None:
    report = await accepted("model.pickle", pickle.dumps([1, "two"], protocol))
    assert report == FormatReport("pickle", details={"protocol": protocol})


async def test_a_joblib_file_with_arrays_inside_passes() -> None:
    buffer = io.BytesIO()
    joblib_dump({"coefficients": np.ones(1_000)}, buffer)
    assert (await accepted("model.joblib", buffer.getvalue())).format == "pickle"


@pytest.mark.parametrize("method", ["zlib", "gzip", "bz2", "xz", "lzma"])
@pytest.mark.parametrize("level", [1, 3, 9])
async def test_what_joblib_compresses_passes_unjudged(
    method: str, level: int, tmp_path: Path
) -> None:
    joblib_dump([1, 2], tmp_path / "m.joblib", compress=(method, level))
    report = await accepted("m.joblib", (tmp_path / "m.joblib").read_bytes())
    assert report.format == "pickle"
    assert "compression" in report.details


@pytest.mark.parametrize(
    ("file_name", "data", "code"),
    [
        ("m.pkl", PICKLE[:-1], "pickle_stop_missing"),
        ("m.joblib", PICKLE[:50], "pickle_stop_missing"),
        ("m.pkl", b"<html>not found.", "pickle_magic_missing"),
        ("m.pkl", b"\x80\x06.", "pickle_magic_missing"),
        ("m.pkl", b"<html>", "pickle_magic_missing"),
        ("m.pt", gzip.compress(PICKLE), "zip_magic_missing"),
        ("m.pth", zlib.compress(PICKLE), "zip_magic_missing"),
    ],
)
async def test_what_is_no_whole_pickle_is_refused(file_name: str, data: bytes, code: str) -> None:
    assert await refused(file_name, data) == code


@pytest.mark.parametrize("version", [0, 1, 2, 3])
async def test_an_hdf5_file_passes_with_its_version(version: int) -> None:
    report = await accepted("weights.h5", hdf5(version))
    assert report.media_type == "application/vnd.hdfgroup.hdf5"
    assert report.details == {"superblock_version": version}


@pytest.mark.parametrize("block", [512, 1024, 4096])
async def test_an_hdf5_file_behind_a_user_block_passes(block: int) -> None:
    await accepted("weights.hdf5", bytes(block) + hdf5(base=block))
    await accepted("weights.hdf5", bytes(block) + hdf5())  # the block was added afterwards


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (bytes(5_000), "hdf5_signature_missing"),
        (hdf5()[:-1], "hdf5_end_out_of_bounds"),
        (hdf5(end=2**64 - 1), "hdf5_end_out_of_bounds"),
        (bytes(512) + hdf5(base=512)[:-1], "hdf5_end_out_of_bounds"),
        (bytes(512) + hdf5()[:-1], "hdf5_end_out_of_bounds"),
        (hdf5()[:30], "hdf5_truncated"),
        (hdf5()[:9], "hdf5_truncated"),
        (hdf5()[:8] + b"\x04" + hdf5()[9:], "hdf5_version_unsupported"),
        (hdf5()[:13] + b"\x09" + hdf5()[14:], "hdf5_address_size"),
    ],
)
async def test_a_broken_superblock_is_refused(data: bytes, code: str) -> None:
    assert await refused("weights.h5", data) == code


async def test_the_search_for_a_superblock_takes_few_reads() -> None:
    reader = MemoryReader(2**42, {})
    assert await refused("weights.h5", reader) == "hdf5_signature_missing"
    assert len(reader.reads) < 40


async def test_a_reader_that_gives_too_little_is_an_error_of_storage() -> None:
    class Short(MemoryReader):
        async def read(self, offset: int, length: int) -> bytes:
            return (await super().read(offset, length))[:-1]

    with pytest.raises(OSError, match="Asked for"):
        await check_format("m.pkl", Short.of(PICKLE))


@given(
    st.sampled_from(["m.pkl", "m.pt", "m.h5", "m.keras", "m", "m.bin", "a\0.onnx", ""]),
    st.sampled_from([b"", b"\x80\x04", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"GGUF"]),
    st.binary(min_size=1, max_size=99),
)
async def test_random_bytes_end_in_a_report_or_a_format_error(
    file_name: str, magic: bytes, data: bytes
) -> None:
    await settled(file_name, magic + data)
