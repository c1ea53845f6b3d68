"""safetensors: an 8-byte length, a JSON header of that length, then the tensors without gaps.

The rules, the dtypes and the size limit are those of the reference implementation and of the
format section of its README: https://github.com/huggingface/safetensors
(`safetensors/src/tensor.rs`, `Metadata::validate` and `Dtype::bitsize`).
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, cast

from shared.formats.inventory import Inventory
from shared.formats.json_members import JsonMembers
from shared.formats.plan import Candidate, Plan, Range, read_whole
from shared.formats.report import FormatError, FormatReport, short_text

MEDIA_TYPE: Final = "application/vnd.docker.ai.safetensors"
"""Not registered with IANA; documented by Docker's model specification (docker/model-spec)."""
LENGTH_BYTES: Final = 8
MAX_HEADER_BYTES: Final = 100_000_000
"""MAX_HEADER_SIZE of the reference implementation, which refuses to load more."""
MAX_UNSIGNED: Final = 2**64 - 1
"""Sizes, offsets and their products are `usize` in the reference, which refuses overflow."""

DTYPE_BITS: Final[dict[str, int]] = {
    "F4": 4,
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8"), 8),
    **dict.fromkeys(("F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("C64", "F64", "I64", "U64"), 64),
}
"""Bits of one element."""


def _numbers() -> "array[int]":
    return array("Q")


@dataclass(slots=True)
class Tensors:
    """Where the tensors' bytes lie in the data section, in the order of the header.

    A header of 100 MB names a million of them: as numbers they cost 24 MB, as objects 300.
    """

    begins: "array[int]" = field(default_factory=_numbers)
    ends: "array[int]" = field(default_factory=_numbers)
    keys: "array[int]" = field(default_factory=_numbers)
    """Where their names stand in the header."""
    elements: int = 0
    """Of all of them."""


def check_safetensors(candidate: Candidate) -> Plan:
    """Check that the header parses and that its tensors cover the rest of the file exactly.

    Raises:
        FormatError: `safetensors_*`, named after the rule.

    """
    size_bytes = candidate.size_bytes
    if size_bytes < LENGTH_BYTES:
        raise FormatError(
            "safetensors_truncated",
            f"The header length takes {LENGTH_BYTES} bytes at offset 0, the file has {size_bytes}.",
        )
    header_bytes = int.from_bytes((yield Range(0, LENGTH_BYTES)), "little")
    _check_header_length(header_bytes, size_bytes)
    # The first byte comes before the rest: junk must not cost a transfer of 100 MB.
    if header_bytes == 0 or (yield Range(LENGTH_BYTES, 1)) != b"{":
        raise FormatError(
            "safetensors_header_start", f"The header at offset {LENGTH_BYTES} must begin with '{{'."
        )
    header = yield from read_whole(candidate, LENGTH_BYTES, header_bytes)
    members = JsonMembers(header, "safetensors_header", LENGTH_BYTES, candidate.budget)
    candidate.inventory.data_offset = LENGTH_BYTES + header_bytes
    tensors = _read_tensors(members, candidate.inventory)
    _check_coverage(tensors, members, LENGTH_BYTES + header_bytes, size_bytes)
    return FormatReport(
        "safetensors",
        MEDIA_TYPE,
        {
            "tensor_count": len(tensors.begins),
            "parameter_count": tensors.elements,
        },
        candidate.inventory.totals(),
    )


def _check_header_length(header_bytes: int, size_bytes: int) -> None:
    if header_bytes > MAX_HEADER_BYTES:
        raise FormatError(
            "safetensors_header_too_large",
            f"The header length at offset 0 is {header_bytes} bytes, the limit {MAX_HEADER_BYTES}.",
        )
    if LENGTH_BYTES + header_bytes > size_bytes:
        raise FormatError(
            "safetensors_header_out_of_bounds",
            f"The header length at offset 0 is {header_bytes} bytes, past the file's end at "
            f"{size_bytes}.",
        )


def _read_tensors(members: JsonMembers, inventory: Inventory) -> Tensors:
    """Read every member of the header."""
    tensors = Tensors()
    for name in members.object_keys():
        key = members.key_position
        if name == "__metadata__":
            _check_metadata(members)
            continue
        dtype, shape, begin, end, elements = _tensor(name, members.flat_object())
        inventory.add(name, dtype, shape, elements, begin, end - begin)
        tensors.begins.append(begin)
        tensors.ends.append(end)
        tensors.keys.append(key)
        tensors.elements += elements
    members.finish()
    return tensors


def _check_metadata(members: JsonMembers) -> None:
    """`__metadata__` maps strings to strings; the reference also reads null as absent."""
    if members.null():
        return
    for _ in members.object_keys():
        members.skip_string()


def _tensor(name: str, entry: dict[str, object]) -> tuple[str, list[int], int, int, int]:
    """Check one tensor; give dtype, shape, begin and end of its bytes, and count of elements."""
    dtype = entry.get("dtype")
    if not isinstance(dtype, str) or dtype not in DTYPE_BITS:
        raise _entry_error("dtype", name, "dtype must be a known one")
    shape = _unsigned_list(entry.get("shape"))
    if shape is None:
        raise _entry_error("shape", name, "shape must be a list of non-negative integers")
    offsets = _unsigned_list(entry.get("data_offsets"))
    if offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _entry_error("offsets", name, "data_offsets must be two integers, begin <= end")
    elements = _product(shape)
    if elements is None or elements * DTYPE_BITS[dtype] > MAX_UNSIGNED:
        raise _entry_error("size_overflow", name, "shape times dtype must fit 64 bits")
    begin, end = offsets
    if elements * DTYPE_BITS[dtype] != (end - begin) * 8:
        raise _entry_error("size_mismatch", name, "shape times dtype must equal data_offsets' span")
    return dtype, shape, begin, end, elements


def _unsigned_list(value: object) -> list[int] | None:
    """Give a JSON array of unsigned 64-bit integers; None for anything else, true included."""
    if not isinstance(value, list):
        return None
    items = cast("list[object]", value)
    numbers = [item for item in items if type(item) is int and 0 <= item <= MAX_UNSIGNED]
    return numbers if len(numbers) == len(items) else None


def _product(shape: Iterable[int]) -> int | None:
    """Multiply, in order; None once it overflows, even if a later factor is zero."""
    product = 1
    for factor in shape:
        product *= factor
        if product > MAX_UNSIGNED:
            return None
    return product


def _entry_error(rule: str, name: str, sentence: str) -> FormatError:
    return FormatError(
        f"safetensors_tensor_{rule}", f'In the header, tensor "{short_text(name)}": {sentence}.'
    )


def _check_coverage(
    tensors: Tensors, members: JsonMembers, data_offset: int, size_bytes: int
) -> None:
    """No hole, no overlap, and the last byte of the file belongs to the last tensor."""
    # In file order, an empty tensor before the one that begins at the same byte. Two sorts by one
    # number each, since tuples to sort by would take 100 bytes a tensor.
    order = sorted(range(len(tensors.begins)), key=tensors.ends.__getitem__)
    order.sort(key=tensors.begins.__getitem__)
    end = 0
    for index in order:
        begin = tensors.begins[index]
        if begin != end:
            raise _entry_error(
                "not_contiguous",
                members.name_at(tensors.keys[index]),
                f"data_offsets begin at {begin}, but must begin where the previous tensor ends, "
                f"at {end}",
            )
        end = tensors.ends[index]
    if data_offset + end != size_bytes:
        raise FormatError(
            "safetensors_size_mismatch",
            f"The tensors end at offset {data_offset + end}, the file at {size_bytes}; "
            "they must end together.",
        )
