"""The central directory of a ZIP archive: what each entry claims (APPNOTE.TXT, 4.3.12)."""

import codecs
import re
import struct
from array import array
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from shared.formats.distinct import DistinctNames
from shared.formats.plan import Budget
from shared.formats.report import FormatError, short_text

ENTRY: Final = struct.Struct("<4s4B4H3L5H2L")
ENTRY_MAGIC: Final = b"PK\x01\x02"
LOCAL_HEADER_BYTES: Final = 30
"""The fixed part; the name, an extra field of unknown length and the data follow."""
UNKNOWN_32: Final = 0xFFFFFFFF
EXTRA_ZIP64: Final = 0x0001
FLAG_ENCRYPTED: Final = 0x0001
FLAG_UTF8: Final = 0x0800
STORED: Final = 0
CP437: Final = codecs.lookup("cp437")
"""Of names that are not marked UTF-8. Loaded now: the process of a check can open nothing later."""
_SEPARATORS: Final = re.compile(r"[/\\]")
_DRIVE: Final = re.compile(r"[A-Za-z]:")


class Entry(NamedTuple):
    """One entry."""

    offset: int
    """Of the local header, from the start of the file."""
    least_end: int
    """Offset that the entry's data reaches at least: its local extra field is not read."""
    name: str
    next_position: int
    """Of the next entry in the directory."""


def _numbers() -> "array[int]":
    return array("Q")


@dataclass(slots=True)
class Entries:
    """All entries in the order of the directory, and what their names tell of the archive.

    Kept as numbers: half a million entries cost 12 MB so, as objects 150.
    """

    offsets: "array[int]" = field(default_factory=_numbers)
    least_ends: "array[int]" = field(default_factory=_numbers)
    positions: "array[int]" = field(default_factory=_numbers)
    """Of the entries in the directory."""
    torch_pickle: bool = False
    keras_config: bool = False
    keras_weights: bool = False
    only_arrays: bool = True

    def add(self, entry: Entry, position: int) -> None:
        """Keep what matters of an entry."""
        self.offsets.append(entry.offset)
        self.least_ends.append(entry.least_end)
        self.positions.append(position)
        name = entry.name
        self.torch_pickle |= name.count("/") == 1 and name.endswith("/data.pkl")
        self.keras_config |= name == "config.json"
        self.keras_weights |= name in ("model.weights.h5", "model.weights.npz")
        self.only_arrays &= name.endswith(".npy")


def parse_entries(directory: bytes | bytearray, directory_offset: int, budget: Budget) -> Entries:
    """Parse all entries; they must fill the directory exactly, each with a safe, unique name.

    Raises:
        FormatError: `zip_*`.

    """
    entries = Entries()
    names = DistinctNames()
    position = 0
    while position < len(directory):
        budget.count_step()
        entry = _parse_entry(directory, position, directory_offset)
        if not names.add(entry.name.encode()):
            raise FormatError(
                "zip_duplicate_name",
                f"The directory entry that ends at offset "
                f"{directory_offset + entry.next_position} repeats the name "
                f'"{short_text(entry.name)}".',
            )
        entries.add(entry, position)
        position = entry.next_position
    return entries


def _parse_entry(directory: bytes | bytearray, position: int, directory_offset: int) -> Entry:
    """Parse the entry at a position."""
    at = directory_offset + position
    name_start = position + ENTRY.size
    if name_start > len(directory) or not directory.startswith(ENTRY_MAGIC, position):
        raise FormatError("zip_entry_missing", f"No directory entry at offset {at}.")
    fields = ENTRY.unpack_from(directory, position)
    flags, method = fields[5], fields[6]
    compressed, plain, name_bytes, extra_bytes, comment_bytes = fields[10:15]
    extra_start = name_start + name_bytes
    next_position = extra_start + extra_bytes + comment_bytes
    if next_position > len(directory):
        raise FormatError(
            "zip_entry_out_of_bounds", f"The entry at offset {at} ends past the directory."
        )
    name = _safe_name(directory[name_start:extra_start], bool(flags & FLAG_UTF8), at)
    wide = _zip64_values(directory[extra_start : extra_start + extra_bytes], at)
    plain, compressed, offset = _widen((plain, compressed, fields[18]), wide, at)
    if method == STORED and not flags & FLAG_ENCRYPTED and plain != compressed:
        raise FormatError(
            "zip_stored_size",
            f"The entry at offset {at} is stored, but its sizes {compressed} and {plain} differ.",
        )
    least_end = offset + LOCAL_HEADER_BYTES + name_bytes + compressed
    return Entry(offset, least_end, name, next_position)


def _safe_name(raw: bytes | bytearray, utf8: bool, at: int) -> str:
    """Decode a name; unpacking it must not leave the folder it is unpacked to."""
    try:
        name = raw.decode("utf-8" if utf8 else CP437.name)
    except UnicodeDecodeError:
        raise FormatError(
            "zip_name_not_utf8", f"The name of the entry at offset {at} is marked UTF-8, but isn't."
        ) from None
    parts = _SEPARATORS.split(name)
    if "\0" in name or parts[0] == "" or ".." in parts or _DRIVE.match(name):
        raise FormatError(
            "zip_unsafe_name",
            f'The entry at offset {at} is named "{short_text(name)}"; a name must be a relative '
            "path without '..', a drive, or a zero byte.",
        )
    return name


def _zip64_values(extra: bytes | bytearray, at: int) -> list[int]:
    """Give the 64-bit values of the ZIP64 extra field; empty without one."""
    position = 0
    while position + 4 <= len(extra):  # a shorter rest is padding
        tag, length = struct.unpack_from("<2H", extra, position)
        position += 4
        if position + length > len(extra):
            raise FormatError(
                "zip_extra_out_of_bounds", f"An extra field of the entry at offset {at} overruns."
            )
        if tag == EXTRA_ZIP64:
            return list(struct.unpack_from(f"<{length // 8}Q", extra, position))
        position += length
    return []


def _widen(values: tuple[int, int, int], wide: list[int], at: int) -> list[int]:
    """Replace all-ones values, in order, by those of the ZIP64 field, if there is one."""
    if not wide:
        return list(values)
    if sum(value == UNKNOWN_32 for value in values) > len(wide):
        raise FormatError(
            "zip64_extra_too_short", f"The ZIP64 field of the entry at offset {at} lacks values."
        )
    rest = iter(wide)
    return [next(rest) if value == UNKNOWN_32 else value for value in values]


def check_layout(entries: Entries, directory: bytes | bytearray, directory_offset: int) -> None:
    """Check that entries lie before the directory and share no byte.

    Overlapping entries make a small file unpack to petabytes, and hide one content in another
    (https://www.bamsoftware.com/hacks/zipbomb/).

    Raises:
        FormatError: `zip_entries_overlap` or `zip_data_out_of_bounds`.

    """

    def name(index: int) -> str:
        return short_text(_parse_entry(directory, entries.positions[index], directory_offset).name)

    end = 0
    for index in sorted(range(len(entries.offsets)), key=entries.offsets.__getitem__):
        offset = entries.offsets[index]
        if offset < end:
            raise FormatError(
                "zip_entries_overlap",
                f'Entry "{name(index)}" begins at offset {offset}, before the previous one ends, '
                f"at {end}.",
            )
        end = entries.least_ends[index]
        if end > directory_offset:
            raise FormatError(
                "zip_data_out_of_bounds",
                f'Entry "{name(index)}" ends at offset {end}, past the directory\'s start at '
                f"{directory_offset}.",
            )
