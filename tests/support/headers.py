"""Safetensors files with large headers, as they are legal: with long metadata, or many tensors."""

import struct


def safetensors_of(header: bytes, data: bytes = b"") -> bytes:
    """A file of this header and data."""
    return struct.pack("<Q", len(header)) + header + data


def with_metadata(size_bytes: int) -> bytes:
    """A good file of one tensor whose header, nearly all of it metadata, has so many bytes."""
    start, end = b'{"__metadata__":{"notes":"', b'"},"w":%s}' % _tensor(0)
    return safetensors_of(start + b"x" * (size_bytes - len(start + end)) + end, b"1")


def with_tensors(count: int) -> bytes:
    """A good file of so many tensors, each of one byte; its header has about 60 bytes for each."""
    members = (b'"w%07d":%s' % (index, _tensor(index)) for index in range(count))
    return safetensors_of(b"{" + b",".join(members) + b"}", bytes(count))


def with_a_gap(count: int) -> bytes:
    """A file as `with_tensors`, whose last tensor does not begin where the one before ends."""
    good = with_tensors(count)
    return good.replace(_tensor(count - 1), _tensor(count)) + b"1"


def _tensor(begin: int) -> bytes:
    return b'{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}' % (begin, begin + 1)
