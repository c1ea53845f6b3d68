"""ZIP archives: PyTorch, NumPy, Keras and plain ones.

The layout is that of PKWARE's APPNOTE.TXT (https://pkware.cachefly.net/webdocs/casestudies/
APPNOTE.TXT), sections 4.3.14 to 4.3.16 here. Readers of broken archives guess, each in its own
way, so one file can show two contents; whatever would need a guess is refused.
"""

import struct
from typing import Final, NamedTuple

from shared.formats.plan import Candidate, Plan, Range, Steps, read_whole
from shared.formats.report import FormatError, FormatReport
from shared.formats.zip_entries import Entries, check_layout, parse_entries

MEDIA_TYPE: Final = "application/zip"
LOCAL_MAGIC: Final = b"PK\x03\x04"
END_MAGIC: Final = b"PK\x05\x06"
"""An archive without entries begins, and ends, with its end record."""
MAX_DIRECTORY_BYTES: Final = 64 * 1024 * 1024
"""Held as one piece. Torch writes about 100 bytes an entry and one entry for each storage."""
MAX_ENTRIES: Final = 500_000
"""Bounds the memory for parsed entries to about 100 MB; model archives have at most thousands."""

END: Final = struct.Struct("<4s4H2LH")
END64_LOCATOR: Final = struct.Struct("<4sLQL")
END64: Final = struct.Struct("<4sQ2H2L4Q")
END64_LOCATOR_MAGIC: Final = b"PK\x06\x07"
END64_MAGIC: Final = b"PK\x06\x06"
MAX_COMMENT_BYTES: Final = 0xFFFF
TAIL_BYTES: Final = END.size + MAX_COMMENT_BYTES + END64_LOCATOR.size
UNKNOWN_16: Final = 0xFFFF
UNKNOWN_32: Final = 0xFFFFFFFF
"""All ones: the true value is in the ZIP64 record."""


class Directory(NamedTuple):
    """What the end records say of the central directory."""

    entries: int
    size_bytes: int
    offset: int
    limit: int
    """Offset of the record that follows the directory."""


def check_zip(candidate: Candidate) -> Plan:
    """Check the end records and every entry of the central directory, and tell the archive's kind.

    Raises:
        FormatError: `zip_*`, named after the rule.

    """
    if not candidate.head.startswith((LOCAL_MAGIC, END_MAGIC)):
        raise FormatError(
            "zip_magic_missing", "A ZIP archive must begin with a local file header at offset 0."
        )
    directory = yield from _find_directory(candidate.size_bytes)
    _check_directory(directory)
    raw = yield from read_whole(candidate, directory.offset, directory.size_bytes)
    entries = parse_entries(raw, directory.offset, candidate.budget)
    count = len(entries.offsets)
    if count != directory.entries:
        raise FormatError(
            "zip_entry_count",
            f"The directory at offset {directory.offset} holds {count} entries, the end "
            f"record says {directory.entries}.",
        )
    check_layout(entries, raw, directory.offset)
    kind = _kind(entries, candidate.extension)
    return FormatReport(kind, MEDIA_TYPE, {"entry_count": count})


def _find_directory(size_bytes: int) -> Steps[Directory]:
    """Find the end record, and the ZIP64 one where its locator stands before it."""
    tail_offset = max(0, size_bytes - TAIL_BYTES)
    tail = yield Range(tail_offset, size_bytes - tail_offset)
    position = _find_end(tail)
    end_offset = tail_offset + position
    _, disk, directory_disk, on_disk, entries, directory_bytes, offset, _ = END.unpack_from(
        tail, position
    )
    directory = Directory(entries, directory_bytes, offset, end_offset)
    locator_position = position - END64_LOCATOR.size
    if locator_position >= 0 and tail.startswith(END64_LOCATOR_MAGIC, locator_position):
        locator = END64_LOCATOR.unpack_from(tail, locator_position)
        return (yield from _find_directory64(directory, locator[2]))
    if disk or directory_disk or on_disk != entries:
        raise FormatError(
            "zip_split", f"The end record at offset {end_offset} is of a split archive."
        )
    return directory


def _find_end(tail: bytes) -> int:
    """Find the last end record, as Python's zipfile does; its comment must end with the file."""
    position = len(tail) - END.size
    if position < 0 or not (tail.startswith(END_MAGIC, position) and tail.endswith(b"\0\0")):
        position = tail.rfind(END_MAGIC)
    if position < 0 or position + END.size > len(tail):
        raise FormatError(
            "zip_end_missing", f"No end record in the last {len(tail)} bytes: the file is cut off."
        )
    comment_bytes = END.unpack_from(tail, position)[7]
    if position + END.size + comment_bytes != len(tail):
        raise FormatError(
            "zip_end_not_last",
            f"The end record with its comment of {comment_bytes} bytes must end with the file; "
            f"it begins {len(tail) - position} bytes before that.",
        )
    return position


def _find_directory64(directory: Directory, record_offset: int) -> Steps[Directory]:
    """Read the ZIP64 end record; what both records state must agree."""
    locator_offset = directory.limit - END64_LOCATOR.size
    if record_offset + END64.size > locator_offset:
        raise FormatError(
            "zip64_record_out_of_bounds",
            f"The ZIP64 locator at offset {locator_offset} points at {record_offset}, which does "
            "not lie before it.",
        )
    raw = yield Range(record_offset, END64.size)
    magic, record_bytes, _, _, disk, directory_disk, on_disk, entries, size_bytes, offset = (
        END64.unpack(raw)
    )
    # The record's size does not count its own first 12 bytes (APPNOTE 4.3.14.1).
    if magic != END64_MAGIC or record_offset + 12 + record_bytes != locator_offset:
        raise FormatError(
            "zip64_record_missing",
            f"The ZIP64 end record at offset {record_offset} must end at its locator, "
            f"at {locator_offset}.",
        )
    if disk or directory_disk or on_disk != entries:
        raise FormatError(
            "zip_split", f"The ZIP64 record at offset {record_offset} is of a split archive."
        )
    if (
        directory.entries not in (UNKNOWN_16, entries)
        or directory.size_bytes not in (UNKNOWN_32, size_bytes)
        or directory.offset not in (UNKNOWN_32, offset)
    ):
        raise FormatError(
            "zip64_disagrees",
            f"The end record and the ZIP64 record at offset {record_offset} differ.",
        )
    return Directory(entries, size_bytes, offset, record_offset)


def _check_directory(directory: Directory) -> None:
    """Bound the directory; it must touch the end record, or readers compute different offsets."""
    if directory.size_bytes > MAX_DIRECTORY_BYTES or directory.entries > MAX_ENTRIES:
        raise FormatError(
            "zip_directory_too_large",
            f"The directory has {directory.entries} entries in {directory.size_bytes} bytes; the "
            f"limits are {MAX_ENTRIES} and {MAX_DIRECTORY_BYTES}.",
        )
    if directory.offset + directory.size_bytes != directory.limit:
        raise FormatError(
            "zip_directory_out_of_bounds",
            f"The directory at offset {directory.offset} has {directory.size_bytes} bytes; it must "
            f"end at the end record, at {directory.limit}.",
        )


def _kind(entries: Entries, extension: str) -> str:
    """Tell whose archive this is by the names that its writer always gives."""
    if entries.torch_pickle:
        return "pytorch-zip"
    if entries.keras_config and entries.keras_weights:
        return "keras"
    if entries.only_arrays and (entries.offsets or extension == ".npz"):
        return "npz"
    return "zip"
