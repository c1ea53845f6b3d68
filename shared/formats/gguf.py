"""GGUF: a header of metadata and tensor infos, then aligned tensor data.

The layout is that of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; where that leaves
a choice, this follows the reference reader (`src/gguf.cpp`) and stays more lenient than it.
"""

from dataclasses import dataclass, field
from typing import Final

from shared.formats.cursor import Cursor
from shared.formats.distinct import DistinctNames
from shared.formats.gguf_tensors import check_tensors, read_tensors
from shared.formats.plan import CHUNK_BYTES, Candidate, Plan, Range, Steps
from shared.formats.report import (
    MAX_TEXT_CHARS,
    OCTET_STREAM,
    FormatError,
    FormatReport,
    short_text,
)

MAGIC: Final = b"GGUF"
MEDIA_TYPE_V3: Final = "application/vnd.docker.ai.gguf.v3"
"""Docker's model specification (docker/model-spec) documents it, for version 3 only."""
VERSIONS: Final = (2, 3)
"""Version 1 had 32-bit counts; the reference reader dropped it in 2023."""
DEFAULT_ALIGNMENT: Final = 32
MAX_HEADER_BYTES: Final = 64 * 1024 * 1024
"""Metadata and tensor infos together. The vocabulary dominates: with 256k tokens, their scores
and merges it is below 20 MiB."""
MAX_WALKED_VALUES: Final = 4_000_000
"""Strings and arrays inside arrays have no fixed size, so each costs a step, about a microsecond.
The largest vocabularies with their merges have about a million."""
MAX_ARRAY_DEPTH: Final = 4
"""The specification nests arrays without a limit; the reference reader allows depth 1."""
MAX_KEY_BYTES: Final = 65_535
"""From the specification."""
MIN_KEY_VALUE_BYTES: Final = 8 + 1 + 4 + 1
MIN_TENSOR_INFO_BYTES: Final = 8 + 4 + 4 + 8

UINT32: Final = 4
STRING: Final = 8
ARRAY: Final = 9
SCALAR_BYTES: Final[dict[int, int]] = {
    **dict.fromkeys((0, 1, 7), 1),  # uint8, int8, bool
    **dict.fromkeys((2, 3), 2),  # uint16, int16
    **dict.fromkeys((4, 5, 6), 4),  # uint32, int32, float32
    **dict.fromkeys((10, 11, 12), 8),  # uint64, int64, float64
}
"""Bytes of a value by its gguf_metadata_value_type."""


@dataclass(slots=True)
class Metadata:
    """What the walk keeps of the key-value pairs."""

    alignment: int = DEFAULT_ALIGNMENT
    architecture: str = ""
    keys: DistinctNames = field(default_factory=DistinctNames)
    walked_values: int = 0


def check_gguf(candidate: Candidate) -> Plan:
    """Walk the metadata and the tensor infos, and check that all tensors lie inside the file.

    Raises:
        FormatError: `gguf_*`, named after the rule.

    """
    size_bytes = candidate.size_bytes
    if candidate.head[: len(MAGIC)] != MAGIC:
        raise FormatError("gguf_magic_missing", "The file must begin with GGUF at offset 0.")
    cursor, version = yield from _start(candidate)
    tensor_count = yield from cursor.unsigned(8)
    pair_count = yield from cursor.unsigned(8)
    least = tensor_count * MIN_TENSOR_INFO_BYTES + pair_count * MIN_KEY_VALUE_BYTES
    if least > min(size_bytes, MAX_HEADER_BYTES):
        raise FormatError(
            "gguf_counts_out_of_bounds",
            f"{tensor_count} tensors and {pair_count} pairs (offset 8) cannot fit the header.",
        )
    metadata = Metadata()
    for _ in range(pair_count):
        yield from _read_pair(cursor, metadata)
    tensors = yield from read_tensors(cursor, tensor_count, candidate.inventory)
    data_start = -(-cursor.position // metadata.alignment) * metadata.alignment
    candidate.inventory.data_offset = data_start
    parameters = yield from check_tensors(tensors, data_start, metadata.alignment, size_bytes)
    details: dict[str, int | str] = {"gguf_version": version, "tensor_count": tensor_count}
    if parameters is not None:
        details["parameter_count"] = parameters
    if metadata.architecture:
        details["architecture"] = metadata.architecture
    media_type = MEDIA_TYPE_V3 if version == 3 else OCTET_STREAM
    totals = candidate.inventory.totals(parameters_known=parameters is not None)
    return FormatReport("gguf", media_type, details, totals)


def _start(candidate: Candidate) -> Steps[tuple[Cursor, int]]:
    """Read the version. It also tells the byte order, which nothing else in the file does."""
    size_bytes = candidate.size_bytes
    if size_bytes < 8:
        raise _overrun(size_bytes, 4, 4)
    raw = yield Range(4, 4)
    version = int.from_bytes(raw, "little")
    # The reference reader's test: the low half of a small number is zero only when it is swapped.
    big_endian = version & 0xFFFF == 0
    version = int.from_bytes(raw, "big") if big_endian else version
    if version not in VERSIONS:
        raise FormatError(
            "gguf_version_unsupported",
            f"The version at offset 4 is {version}; it must be one of {VERSIONS}.",
        )
    cursor = Cursor(
        min(size_bytes, MAX_HEADER_BYTES),
        CHUNK_BYTES,
        lambda offset, length: _overrun(size_bytes, offset, length),
        candidate.budget,
        "big" if big_endian else "little",
    )
    cursor.skip(8)
    return cursor, version


def _overrun(size_bytes: int, offset: int, length: int) -> FormatError:
    if offset + length <= size_bytes:
        return FormatError(
            "gguf_header_too_large",
            f"The header's field at offset {offset} ends past the limit of {MAX_HEADER_BYTES}.",
        )
    return FormatError(
        "gguf_truncated",
        f"The header's field at offset {offset} has {length} bytes, past the file's end at "
        f"{size_bytes}.",
    )


def _read_pair(cursor: Cursor, metadata: Metadata) -> Steps[None]:
    """Read one key and its value; keep the few that matter here."""
    offset = cursor.position
    key_bytes = yield from cursor.unsigned(8)
    if not 0 < key_bytes <= MAX_KEY_BYTES:
        raise FormatError(
            "gguf_key_length",
            f"The key at offset {offset} has {key_bytes} bytes; it must have 1 to {MAX_KEY_BYTES}.",
        )
    key = yield from cursor.take(key_bytes)
    if not metadata.keys.add(key):
        raise FormatError(
            "gguf_duplicate_key", f'The key "{short_text(key)}" at offset {offset} repeats.'
        )
    value_type = yield from cursor.unsigned(4)
    if key == b"general.alignment":
        metadata.alignment = yield from _read_alignment(cursor, value_type)
    elif key == b"general.architecture" and value_type == STRING:
        length = yield from cursor.unsigned(8)
        raw = yield from cursor.take(min(length, 4 * MAX_TEXT_CHARS))
        cursor.skip(length - len(raw))
        metadata.architecture = short_text(raw)
    else:
        yield from _skip_values(cursor, metadata, value_type, 1, 0)


def _read_alignment(cursor: Cursor, value_type: int) -> Steps[int]:
    """Read general.alignment, a uint32; the reference reader wants a power of two."""
    offset = cursor.position
    alignment = (yield from cursor.unsigned(4)) if value_type == UINT32 else 0
    if alignment == 0 or alignment & (alignment - 1):
        raise FormatError(
            "gguf_alignment",
            f"general.alignment at offset {offset} must be a uint32 that is a power of two.",
        )
    return alignment


def _skip_values(
    cursor: Cursor, metadata: Metadata, value_type: int, count: int, depth: int
) -> Steps[None]:
    """Move past `count` values of one type."""
    if value_type in SCALAR_BYTES:
        cursor.skip(count * SCALAR_BYTES[value_type])
        return
    if value_type not in (STRING, ARRAY) or depth > MAX_ARRAY_DEPTH:
        raise FormatError(
            "gguf_value_type",
            f"The value at offset {cursor.position} has type {value_type} at depth {depth}; types "
            f"are 0 to 12, arrays nest at most {MAX_ARRAY_DEPTH} deep.",
        )
    metadata.walked_values += count
    if metadata.walked_values > MAX_WALKED_VALUES:
        raise FormatError(
            "gguf_too_many_values",
            f"At offset {cursor.position} the metadata exceeds {MAX_WALKED_VALUES} strings.",
        )
    for _ in range(count):
        if value_type == STRING:
            cursor.skip((yield from cursor.unsigned(8)))
        else:
            inner_type = yield from cursor.unsigned(4)
            inner_count = yield from cursor.unsigned(8)
            yield from _skip_values(cursor, metadata, inner_type, inner_count, depth + 1)
