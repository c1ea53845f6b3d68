"""The tensor infos of a GGUF file, and the place of every tensor's bytes."""

from array import array
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from shared.formats.cursor import Cursor
from shared.formats.distinct import DistinctNames
from shared.formats.inventory import Inventory
from shared.formats.plan import Range, Steps
from shared.formats.report import FormatError, short_text

MAX_DIMENSIONS: Final = 4
"""GGML_MAX_DIMS; converters fold a fifth dimension into the others."""
MAX_NAME_BYTES: Final = 255
"""The specification says 64, but GGML_MAX_NAME is a build option, and image models with names of
up to 127 bytes are in use."""
MAX_ELEMENTS: Final = 2**63 - 1
"""Element counts are int64 in the reference reader."""
MAX_UNSIGNED: Final = 2**64 - 1
"""Offsets are uint64, and no file is larger."""


class GgmlType(NamedTuple):
    """How the elements of a tensor are written."""

    name: str
    block_elements: int
    block_bytes: int


TYPES: Final[dict[int, GgmlType]] = {
    0: GgmlType("F32", 1, 4),
    1: GgmlType("F16", 1, 2),
    2: GgmlType("Q4_0", 32, 18),
    3: GgmlType("Q4_1", 32, 20),
    6: GgmlType("Q5_0", 32, 22),
    7: GgmlType("Q5_1", 32, 24),
    8: GgmlType("Q8_0", 32, 34),
    9: GgmlType("Q8_1", 32, 36),
    10: GgmlType("Q2_K", 256, 84),
    11: GgmlType("Q3_K", 256, 110),
    12: GgmlType("Q4_K", 256, 144),
    13: GgmlType("Q5_K", 256, 176),
    14: GgmlType("Q6_K", 256, 210),
    15: GgmlType("Q8_K", 256, 292),
    16: GgmlType("IQ2_XXS", 256, 66),
    17: GgmlType("IQ2_XS", 256, 74),
    18: GgmlType("IQ3_XXS", 256, 98),
    19: GgmlType("IQ1_S", 256, 50),
    20: GgmlType("IQ4_NL", 32, 18),
    21: GgmlType("IQ3_S", 256, 110),
    22: GgmlType("IQ2_S", 256, 82),
    23: GgmlType("IQ4_XS", 256, 136),
    24: GgmlType("I8", 1, 1),
    25: GgmlType("I16", 1, 2),
    26: GgmlType("I32", 1, 4),
    27: GgmlType("I64", 1, 8),
    28: GgmlType("F64", 1, 8),
    29: GgmlType("IQ1_M", 256, 56),
    30: GgmlType("BF16", 1, 2),
    34: GgmlType("TQ1_0", 256, 54),
    35: GgmlType("TQ2_0", 256, 66),
    39: GgmlType("MXFP4", 32, 17),
    40: GgmlType("NVFP4", 64, 36),
    41: GgmlType("Q1_0", 128, 18),
    42: GgmlType("Q2_0", 64, 18),
}
"""By ggml_type. Sizes from the static assertions of ggml's `src/ggml-common.h`. Types that are
missing here, such as those of forks and of later releases, pass with only their offset checked."""


def _numbers() -> "array[int]":
    return array("Q")


@dataclass(slots=True)
class Tensors:
    """The tensor infos, in the order of the file.

    A header has room for nearly three million: as numbers they cost 67 MB, as objects ten times
    that.
    """

    byte_order: Literal["little", "big"]
    offsets: "array[int]" = field(default_factory=_numbers)
    """From the start of the tensor data, bytes."""
    sizes: "array[int]" = field(default_factory=_numbers)
    """Bytes; 0 for a type of unknown size."""
    names_at: "array[int]" = field(default_factory=_numbers)
    """Where their names stand in the file, each after its length."""
    elements: int | None = 0
    """Of all tensors; None where the size of one is unknown."""


def read_tensors(cursor: Cursor, count: int, inventory: Inventory) -> Steps[Tensors]:
    """Read the tensor infos.

    Raises:
        FormatError: `gguf_tensor_*`.

    """
    names = DistinctNames()
    tensors = Tensors(cursor.byte_order)
    for _ in range(count):
        start = cursor.position
        name = yield from _read_tensor(cursor, tensors, inventory)
        if not names.add(name):
            raise _error("duplicate_name", name, f"the info at offset {start} repeats it")
    return tensors


def _read_tensor(cursor: Cursor, tensors: Tensors, inventory: Inventory) -> Steps[bytes]:
    """Read one info, and give the tensor's name."""
    tensors.names_at.append(cursor.position)
    name_bytes = yield from cursor.unsigned(8)
    if name_bytes > MAX_NAME_BYTES:
        raise FormatError(
            "gguf_tensor_name_length",
            f"The tensor name before offset {cursor.position} has {name_bytes} bytes; the limit "
            f"is {MAX_NAME_BYTES}.",
        )
    name = yield from cursor.take(name_bytes)
    dimensions = yield from cursor.unsigned(4)
    if dimensions > MAX_DIMENSIONS:
        raise _error("dimensions", name, f"it has {dimensions}, the limit is {MAX_DIMENSIONS}")
    elements, shape = 1, list[int]()
    for _ in range(dimensions):
        extent = yield from cursor.unsigned(8)
        shape.append(extent)
        elements *= extent
        if extent > MAX_ELEMENTS or elements > MAX_ELEMENTS:
            raise _error("size_overflow", name, "its elements must fit a signed 64-bit integer")
    ggml_type = yield from cursor.unsigned(4)
    offset = yield from cursor.unsigned(8)
    size_bytes = _size_bytes(name, ggml_type, shape[0] if shape else 1, elements)
    dtype = TYPES[ggml_type].name if ggml_type in TYPES else f"type_{ggml_type}"
    inventory.add(name, dtype, shape, elements, offset, size_bytes)
    tensors.offsets.append(offset)
    tensors.sizes.append(size_bytes or 0)
    if size_bytes is None or tensors.elements is None:
        tensors.elements = None
    else:
        tensors.elements += elements
    return name


def _size_bytes(name: bytes, ggml_type: int, row: int, elements: int) -> int | None:
    """Give the bytes of a tensor of a known type; its rows are whole blocks."""
    if ggml_type not in TYPES:
        return None
    _, block_elements, block_bytes = TYPES[ggml_type]
    if row % block_elements:
        raise _error(
            "row_not_whole_blocks", name, f"a row of {row} is not a multiple of {block_elements}"
        )
    size_bytes = elements // block_elements * block_bytes
    if size_bytes > MAX_UNSIGNED:
        raise _error("size_overflow", name, "its bytes must fit 64 bits")
    return size_bytes


def check_tensors(
    tensors: Tensors, data_start: int, alignment: int, size_bytes: int
) -> Steps[int | None]:
    """Check that the data of each tensor is aligned, inside the file, and its own.

    Returns the parameter count, or None when a tensor's type has an unknown size. Bytes after the
    last tensor are not judged: writers may pad it or not.

    Raises:
        FormatError: `gguf_tensor_*`.

    """
    end = 0
    order = sorted(range(len(tensors.offsets)), key=tensors.sizes.__getitem__)
    order.sort(key=tensors.offsets.__getitem__)  # an empty one before what begins at its byte
    for index in order:
        offset = tensors.offsets[index]
        rule = sentence = ""
        if offset % alignment:
            rule, sentence = "misaligned", f"its offset {offset} is not a multiple of {alignment}"
        elif offset < end:
            rule, sentence = "overlap", f"its offset {offset} is before {end}"
        else:
            end = offset + tensors.sizes[index]
            if data_start + end > size_bytes:
                rule = "out_of_bounds"
                sentence = f"its data ends at offset {data_start + end}, the file at {size_bytes}"
        if rule:
            name = yield from _name_of(tensors, index)
            raise _error(rule, name, sentence)
    return tensors.elements


def _name_of(tensors: Tensors, index: int) -> Steps[bytes]:
    """Read a tensor's name again: names are not kept."""
    at = tensors.names_at[index]
    length = int.from_bytes((yield Range(at, 8)), tensors.byte_order)
    return (yield Range(at + 8, length)) if length else b""


def _error(rule: str, name: bytes, sentence: str) -> FormatError:
    return FormatError(f"gguf_tensor_{rule}", f'GGUF tensor "{short_text(name)}": {sentence}.')
