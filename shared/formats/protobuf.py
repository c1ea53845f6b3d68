"""Protobuf's encoding: https://protobuf.dev/programming-guides/encoding/."""

from typing import Final

from shared.formats.cursor import Cursor
from shared.formats.plan import Steps
from shared.formats.report import FormatError

VARINT: Final = 0
LENGTH_DELIMITED: Final = 2
FIXED_BYTES: Final[dict[int, int]] = {1: 8, 5: 4}
"""Wire types of fixed size. Groups (3 and 4), long deprecated, are in no ONNX version."""
MAX_FIELD_NUMBER: Final = 2**29 - 1


def read_tag(cursor: Cursor) -> Steps[tuple[int, int]]:
    """Read a field's number and wire type."""
    offset = cursor.position
    tag = yield from read_varint(cursor)
    number, wire_type = tag >> 3, tag & 7
    if not 0 < number <= MAX_FIELD_NUMBER or wire_type in (3, 4, 6, 7):
        raise FormatError(
            "onnx_tag", f"The tag at offset {offset} is {tag}: no field has that number and type."
        )
    return number, wire_type


def read_varint(cursor: Cursor) -> Steps[int]:
    """Read a base-128 number of at most 64 bits, ten bytes."""
    offset = cursor.position
    value = 0
    for index in range(10):
        byte = yield from cursor.unsigned(1)
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & (2**64 - 1)
    raise FormatError("onnx_varint", f"The varint at offset {offset} is longer than ten bytes.")


def signed(value: int) -> int:
    """Read a 64-bit number as two's complement, as int64 is encoded."""
    return value - 2**64 if value >= 2**63 else value
