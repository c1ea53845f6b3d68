"""The initializers of an ONNX graph: its weights, found without reading them.

Field numbers are those of GraphProto and TensorProto in `onnx.proto` (https://github.com/onnx/onnx).
Weights of subgraphs, of functions and sparse ones are not told. Nothing here is a rule for files:
what cannot be followed leaves a file without its tensors.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from shared.formats.costs import TooCostly
from shared.formats.cursor import Cursor
from shared.formats.inventory import MAX_DIMENSIONS, MAX_NAME_CHARS, Inventory, Totals
from shared.formats.plan import Budget, Candidate, Steps
from shared.formats.protobuf import (
    FIXED_BYTES,
    LENGTH_DELIMITED,
    VARINT,
    read_tag,
    read_varint,
    signed,
)
from shared.formats.report import FormatError

CHUNK_BYTES: Final = 64 * 1024
"""One read among small fields, which follow each other: nodes, and tensors whose data are
elsewhere."""
JUMP_BYTES: Final = 4096
"""First read behind a tensor's data: mostly another tensor's few fields, and then its data."""
INITIALIZER: Final = 5
MAX_ELEMENTS: Final = 2**63 - 1

DIMS, DATA_TYPE, FLOAT_DATA, NAME, RAW_DATA, DOUBLE_DATA, LOCATION = 1, 2, 4, 8, 9, 10, 14
EXTERNAL: Final = 1
"""Of `data_location`: the data are in another file."""

DTYPES: Final[dict[int, tuple[str, int]]] = {
    # TensorProto.DataType: (dtype as safetensors spells it, bits of an element; 0: not fixed)
    1: ("F32", 32),
    2: ("U8", 8),
    3: ("I8", 8),
    4: ("U16", 16),
    5: ("I16", 16),
    6: ("I32", 32),
    7: ("I64", 64),
    8: ("STRING", 0),
    9: ("BOOL", 8),
    10: ("F16", 16),
    11: ("F64", 64),
    12: ("U32", 32),
    13: ("U64", 64),
    14: ("C64", 64),
    15: ("C128", 128),
    16: ("BF16", 16),
    17: ("F8_E4M3", 8),
    18: ("F8_E4M3FNUZ", 8),
    19: ("F8_E5M2", 8),
    20: ("F8_E5M2FNUZ", 8),
    21: ("U4", 4),
    22: ("I4", 4),
    23: ("F4", 4),
    24: ("F8_E8M0", 8),
    25: ("U2", 2),
    26: ("I2", 2),
    27: ("F6_E2M3", 6),
    28: ("F6_E3M2", 6),
}


@dataclass(slots=True)
class Initializer:
    """What is kept of one TensorProto."""

    name: bytes = b""
    dims: list[int] = field(default_factory=list[int])
    data_type: int = 0
    data: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Offset and length of what is written as storage holds it: raw data, and floats."""
    is_external: bool = False


def count_initializers(
    candidate: Candidate, graphs: Iterable[tuple[int, int]]
) -> Steps[Totals | None]:
    """Tell the inventory the initializers of a graph, given by offset and length of its pieces.

    A check does without them where they cost more than half of what it has left, or cannot be
    followed: it returns None then. Where they are listed that raises TooCostly or FormatError.
    """
    budget = Budget(candidate.budget.half_of_what_is_left())
    walk = _read_graphs(graphs, budget, candidate.inventory)
    data: bytes | None = None
    try:
        while True:
            wish = walk.send(data) if data is not None else next(walk)
            budget.count_read(wish.length)
            data = yield wish
    except StopIteration:
        return candidate.inventory.totals()
    except (TooCostly, FormatError):
        if candidate.inventory.is_listed:
            raise
        return None


def _read_graphs(
    graphs: Iterable[tuple[int, int]], budget: Budget, inventory: Inventory
) -> Steps[None]:
    for start, length in graphs:
        end = start + length
        cursor = Cursor(end, CHUNK_BYTES, _overrun, budget, jump_bytes=JUMP_BYTES)
        cursor.skip(start)
        while not cursor.at_end:
            number, wire_type = yield from read_tag(cursor)
            if number == INITIALIZER and wire_type == LENGTH_DELIMITED:
                length = yield from read_varint(cursor)
                yield from _read_initializer(cursor, cursor.position + length, inventory)
            else:
                yield from _skip(cursor, wire_type)


def _overrun(offset: int, length: int) -> FormatError:
    return FormatError(
        "onnx_graph", f"The graph's field at offset {offset} needs {length} bytes, past its end."
    )


def _skip(cursor: Cursor, wire_type: int) -> Steps[None]:
    if wire_type == VARINT:
        yield from read_varint(cursor)
    elif wire_type == LENGTH_DELIMITED:
        cursor.skip((yield from read_varint(cursor)))
    else:
        cursor.skip(FIXED_BYTES[wire_type])


def _read_initializer(cursor: Cursor, end: int, inventory: Inventory) -> Steps[None]:
    found = Initializer()
    while cursor.position < end:
        number, wire_type = yield from read_tag(cursor)
        if wire_type == VARINT and number in (DIMS, DATA_TYPE, LOCATION):
            value = signed((yield from read_varint(cursor)))
            if number == DIMS:
                found.dims.append(value)
            elif number == DATA_TYPE:
                found.data_type = value
            else:
                found.is_external = value == EXTERNAL
        elif wire_type == LENGTH_DELIMITED and number in (
            *(DIMS, NAME),
            *(RAW_DATA, FLOAT_DATA, DOUBLE_DATA),
        ):
            yield from _read_piece(cursor, number, found)
        else:
            yield from _skip(cursor, wire_type)
        if len(found.dims) > MAX_DIMENSIONS:
            raise _error(cursor, f"it has more than {MAX_DIMENSIONS} dimensions")
    if cursor.position != end:
        raise _error(cursor, f"it must end at offset {end}, where its length says")
    _tell(found, cursor, inventory)


def _read_piece(cursor: Cursor, number: int, found: Initializer) -> Steps[None]:
    """Read packed dimensions or a name; of data keep where they are."""
    length = yield from read_varint(cursor)
    if number == DIMS:
        end = cursor.position + length
        while cursor.position < end and len(found.dims) <= MAX_DIMENSIONS:
            found.dims.append(signed((yield from read_varint(cursor))))
    elif number == NAME and length <= 4 * MAX_NAME_CHARS:
        found.name = yield from cursor.take(length)
    elif number == NAME:
        raise TooCostly(f"{4 * MAX_NAME_CHARS} bytes in a tensor's name")
    else:
        found.data.append((cursor.position, length))
        cursor.skip(length)


def _tell(found: Initializer, cursor: Cursor, inventory: Inventory) -> None:
    elements = 1
    for extent in found.dims:
        elements *= extent
        if extent < 0 or elements > MAX_ELEMENTS:
            raise _error(cursor, "its elements must fit a signed 64-bit integer")
    dtype, bits = DTYPES.get(found.data_type, (f"type_{found.data_type}", 0))
    size_bytes = -(-elements * bits // 8) if bits else None
    begin = -1
    # Bytes that are as long as the tensor is are the tensor, in whichever field they stand.
    if len(found.data) == 1 and not found.is_external and found.data[0][1] == size_bytes:
        begin = found.data[0][0]
    inventory.add(found.name, dtype, found.dims, elements, begin, size_bytes)


def _error(cursor: Cursor, sentence: str) -> FormatError:
    return FormatError("onnx_tensor", f"ONNX tensor before offset {cursor.position}: {sentence}.")
