"""Files in memory for the tests of format checks, and short ways to check them."""

import contextlib
import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from shared.formats.check import check_format
from shared.formats.codes import CODES
from shared.formats.report import FormatError, FormatReport


@dataclass
class MemoryReader:
    """A stored object made of pieces at offsets, zero elsewhere; it notes every read."""

    size_bytes: int
    pieces: dict[int, bytes]
    reads: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    @classmethod
    def of(cls, data: bytes) -> "MemoryReader":
        return cls(len(data), {0: data})

    async def read(self, offset: int, length: int) -> bytes:
        assert offset >= 0, "a check reads inside the file"
        assert 0 < length <= self.size_bytes - offset, "a check reads inside the file"
        self.reads.append((offset, length))
        found = bytearray(length)
        for start, piece in self.pieces.items():
            begin, end = max(start, offset), min(start + len(piece), offset + length)
            if begin < end:
                found[begin - offset : end - offset] = piece[begin - start : end - start]
        return bytes(found)

    @property
    def transferred_bytes(self) -> int:
        return sum(length for _, length in self.reads)


async def accepted(file_name: str, data: bytes) -> FormatReport:
    """Check a file that must pass."""
    return await check_format(file_name, MemoryReader.of(data))


async def refused(file_name: str, data: bytes | MemoryReader) -> str:
    """Check a file that must not pass; give the error's code."""
    reader = data if isinstance(data, MemoryReader) else MemoryReader.of(data)
    with pytest.raises(FormatError) as caught:
        await check_format(file_name, reader)
    assert caught.value.reason.endswith("."), "a reason is a sentence"
    assert len(caught.value.reason) < 300, "a reason is short, whatever the file holds"
    assert caught.value.code in CODES, "figures have each code from the beginning"
    return caught.value.code


async def settled(file_name: str, data: bytes) -> None:
    """Check a file that may pass or not: nothing but FormatError may come out."""
    with contextlib.suppress(FormatError):
        await check_format(file_name, MemoryReader.of(data))


def zip_of(
    members: Mapping[str, bytes], *, compressed: bool = False, comment: bytes = b""
) -> bytes:
    """Make a ZIP archive with Python's own writer."""
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.comment = comment
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return buffer.getvalue()


F32 = 0
Q4_0 = 2
FORK_TYPE = 137
UINT32 = 4
STRING = 8
ARRAY = 9


@dataclass(frozen=True)
class GgufTensor:
    """A tensor info as it is written; `offset` is relative to the tensor data."""

    name: bytes = b"weight"
    shape: Sequence[int] = (8,)
    type: int = F32
    offset: int = 0


def gguf_text(text: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}Q", len(text)) + text


def gguf_pair(key: bytes, value_type: int, value: bytes, order: str = "<") -> bytes:
    return gguf_text(key, order) + struct.pack(f"{order}I", value_type) + value


def gguf_file(
    pairs: Sequence[bytes] = (),
    tensors: Sequence[GgufTensor] = (GgufTensor(),),
    *,
    data: bytes = bytes(32),
    version: int = 3,
    alignment: int = 32,
    order: str = "<",
    counts: tuple[int, int] | None = None,
) -> bytes:
    """Write a GGUF file by its specification; the arguments can make it lie."""
    tensor_count, pair_count = counts or (len(tensors), len(pairs))
    header = b"GGUF" + struct.pack(f"{order}IQQ", version, tensor_count, pair_count)
    header += b"".join(pairs)
    for tensor in tensors:
        header += gguf_text(tensor.name, order)
        header += struct.pack(f"{order}I{len(tensor.shape)}Q", len(tensor.shape), *tensor.shape)
        header += struct.pack(f"{order}IQ", tensor.type, tensor.offset)
    return header + bytes(-len(header) % alignment) + data
