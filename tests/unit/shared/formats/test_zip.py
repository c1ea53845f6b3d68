"""A ZIP archive passes when every reader must find the same entries in it."""

import io
import struct
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.check import check_format
from shared.formats.zip import MAX_DIRECTORY_BYTES, MAX_ENTRIES
from tests.unit.shared.formats.files import (
    MemoryReader,
    accepted,
    refused,
    settled,
    zip_of,
)

TORCH = {"archive/data.pkl": b"\x80\x02N.", "archive/data/0": bytes(64), "archive/version": b"3\n"}
GOOD = zip_of(TORCH)
SMALL = zip_of({"aa": b"1", "bb": b"2"})
END = struct.Struct("<4s4H2LH")


def edited(archive: bytes, offset: int, fmt: str, *values: int) -> bytes:
    """Overwrite fields at an offset, counted from the end when negative."""
    data = bytearray(archive)
    struct.pack_into(fmt, data, offset % len(data), *values)
    return bytes(data)


def directory_at(archive: bytes) -> int:
    return int(END.unpack_from(archive, len(archive) - END.size)[6])


def second_entry_at(archive: bytes) -> int:
    return archive.index(b"PK\x01\x02", directory_at(archive) + 1)


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, weight=np.ones(3), bias=np.zeros(1))
    return buffer.getvalue()


def as_zip64(archive: bytes, *, sentinels: bool = True, entries: int | None = None) -> bytes:
    """Put a ZIP64 end record and its locator before the end record."""
    at = len(archive) - END.size
    _, _, _, _, count, size, offset, _ = END.unpack_from(archive, at)
    count64 = count if entries is None else entries
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count64, count64, size, offset
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    end = END.pack(b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return archive[:at] + record + locator + (end if sentinels else archive[at:])


@pytest.mark.parametrize(
    ("file_name", "archive", "kind", "entries"),
    [
        ("model.pt", GOOD, "pytorch-zip", 3),
        ("pytorch_model.bin", GOOD, "pytorch-zip", 3),
        ("no_extension", GOOD, "pytorch-zip", 3),
        ("model.npz", npz(), "npz", 2),
        ("empty.npz", zip_of({}), "npz", 0),
        ("empty.zip", zip_of({}), "zip", 0),
        (
            "m.keras",
            zip_of({"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": b""}),
            "keras",
            3,
        ),
        ("m.zip", zip_of({"folder/": b"", "a.txt": b"text" * 99}, compressed=True), "zip", 2),
        ("m.zip", zip_of({"ünï..cøde": b"1"}), "zip", 1),
        ("m.zip", zip_of({"a": b"1"}, comment=b"c" * 65_535), "zip", 1),
        ("m.zip", as_zip64(GOOD), "pytorch-zip", 3),
        ("m.zip", as_zip64(GOOD, sentinels=False), "pytorch-zip", 3),
    ],
)
async def test_a_whole_archive_passes(
    file_name: str, archive: bytes, kind: str, entries: int
) -> None:
    assert zipfile.ZipFile(io.BytesIO(archive)).testzip() is None
    report = await accepted(file_name, archive)
    assert (report.format, report.media_type) == (kind, "application/zip")
    assert report.details == {"entry_count": entries}


async def test_an_entry_past_4_gib_passes_by_its_zip64_field() -> None:
    size = 5 * 2**30
    name = b"big"
    field = struct.pack("<2H2Q", 1, 16, size, size)
    entry = struct.pack(
        "<4s4B4H3L5H2L",
        *(b"PK\x01\x02", 45, 0, 45, 0, 0, 0, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF),
        *(len(name), len(field), 0, 0, 0, 0, 0),
    )
    directory = entry + name + field
    start = 30 + len(name) + size
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(directory), start)
    end += struct.pack("<4sLQL", b"PK\x06\x07", 0, start + len(directory), 1)
    end += END.pack(b"PK\x05\x06", 0, 0, 1, 1, len(directory), 0xFFFFFFFF, 0)
    pieces = {0: b"PK\x03\x04", start: directory + end}
    reader = MemoryReader(start + len(directory + end), pieces)
    assert (await check_format("big.zip", reader)).details == {"entry_count": 1}
    assert reader.transferred_bytes < 100_000


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../a", "a/../../b", "a\\..\\b", "C:\\a", "c:a", "\\\\host\\a", ".."]
)
async def test_a_name_that_leaves_its_folder_is_refused(name: str) -> None:
    placeholder = "x" * len(name)
    archive = zip_of({placeholder: b"1"}).replace(placeholder.encode(), name.encode())
    assert await refused("m.zip", archive) == "zip_unsafe_name"


async def test_a_name_with_a_zero_byte_is_refused() -> None:
    assert await refused("m.zip", SMALL.replace(b"bb", b"b\0")) == "zip_unsafe_name"


async def test_a_name_that_is_not_the_utf8_it_says_is_refused() -> None:
    archive = zip_of({"ü": b"1"}).replace("ü".encode(), b"\xff\xff")
    assert await refused("m.zip", archive) == "zip_name_not_utf8"


async def test_two_entries_of_one_name_are_refused() -> None:
    assert await refused("m.zip", SMALL.replace(b"bb", b"aa")) == "zip_duplicate_name"


CHANGES: list[tuple[Callable[[bytes], bytes], str]] = [
    (lambda a: b"junk" + a, "zip_magic_missing"),
    (lambda a: a + b"\0", "zip_end_not_last"),
    (lambda a: edited(a, -2, "<H", 1), "zip_end_not_last"),
    (lambda a: edited(a, -18, "<H", 1), "zip_split"),
    (lambda a: edited(a, -14, "<2H", 3, 3), "zip_entry_count"),
    (lambda a: edited(a, -6, "<L", directory_at(a) - 1), "zip_directory_out_of_bounds"),
    (lambda a: edited(a, -10, "<L", 0), "zip_directory_out_of_bounds"),
    (lambda a: edited(a, -10, "<L", MAX_DIRECTORY_BYTES + 1), "zip_directory_too_large"),
    (lambda a: edited(a, directory_at(a), "<L", 0), "zip_entry_missing"),
    (lambda a: edited(a, directory_at(a) + 28, "<H", 999), "zip_entry_out_of_bounds"),
    (lambda a: edited(a, directory_at(a) + 24, "<L", 9), "zip_stored_size"),
    (lambda a: edited(a, directory_at(a) + 20, "<2L", 9, 9), "zip_entries_overlap"),
    (lambda a: edited(a, second_entry_at(a) + 42, "<L", 0), "zip_entries_overlap"),
    (lambda a: edited(a, second_entry_at(a) + 20, "<2L", 9, 9), "zip_data_out_of_bounds"),
    (lambda a: edited(a, second_entry_at(a) + 42, "<L", 10**6), "zip_data_out_of_bounds"),
    (lambda a: edited(as_zip64(a), -42 + 8, "<Q", len(a)), "zip64_record_out_of_bounds"),
    (lambda a: edited(as_zip64(a), -42 + 8, "<Q", 0), "zip64_record_missing"),
    (lambda a: edited(as_zip64(a), -42 - 52, "<Q", 45), "zip64_record_missing"),
    (lambda a: as_zip64(a, sentinels=False, entries=1), "zip64_disagrees"),
    (lambda a: as_zip64(a, entries=MAX_ENTRIES + 1), "zip_directory_too_large"),
    (lambda a: edited(as_zip64(a), -42 - 40, "<L", 1), "zip_split"),
]


@pytest.mark.parametrize(("change", "code"), CHANGES)
async def test_an_archive_that_readers_would_read_differently_is_refused(
    change: Callable[[bytes], bytes], code: str
) -> None:
    await accepted("m.zip", SMALL)
    assert await refused("m.zip", change(SMALL)) == code


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        (struct.pack("<2H", 0x9999, 1), "zip_extra_out_of_bounds"),
        (struct.pack("<2HQ", 1, 8, 0), "zip64_extra_too_short"),
    ],
)
async def test_a_broken_extra_field_is_refused(extra: bytes, code: str) -> None:
    archive = zip_of({"a": b"1"})
    at = directory_at(archive)
    entry = edited(archive[at:-22], 30, "<H", len(extra))
    entry = edited(entry, 20, "<2L", 0xFFFFFFFF, 0xFFFFFFFF) + extra
    changed = edited(archive[:at] + entry + archive[-22:], -10, "<L", len(entry))
    assert await refused("m.zip", changed) == code


@pytest.mark.parametrize("file_name", ["m.zip", "m.npz", "m.keras", "m.pt", "m.pth"])
async def test_a_file_named_like_an_archive_must_be_one(file_name: str) -> None:
    assert await refused(file_name, b"\x93NUMPY" + bytes(99)) == "zip_magic_missing"


async def test_a_large_archive_costs_three_reads() -> None:
    archive = zip_of({f"archive/data/{index}": bytes(9_000) for index in range(100)})
    reader = MemoryReader.of(archive)
    await check_format("m.pt", reader)
    assert len(reader.reads) == 3
    assert reader.transferred_bytes < 100_000


@pytest.mark.parametrize("archive", [GOOD, as_zip64(GOOD), zip_of({"z": zip_of(TORCH)})])
async def test_an_archive_cut_at_any_byte_is_refused(archive: bytes) -> None:
    for length in range(len(archive)):
        await refused("m.zip", archive[:length])


members = st.dictionaries(st.text("abcü/.-", min_size=1, max_size=6), st.binary(max_size=40))


def safe(names: dict[str, bytes]) -> bool:
    return not any(name.startswith("/") or ".." in name.split("/") for name in names)


# A comment with an end record's magic fools Python's reader too: such an archive is refused.
comments = st.binary(max_size=9).filter(lambda comment: b"PK\x05\x06" not in comment)


@given(members.filter(safe), st.booleans(), comments)
async def test_whatever_pythons_writer_makes_passes(
    files: dict[str, bytes], compressed: bool, comment: bytes
) -> None:
    report = await accepted("m.zip", zip_of(files, compressed=compressed, comment=comment))
    assert report.details["entry_count"] == len(files)


@given(st.binary(max_size=200), st.integers(0, len(GOOD)))
async def test_random_bytes_end_in_a_report_or_a_format_error(data: bytes, at: int) -> None:
    await settled("m.zip", data)
    await settled("m.zip", b"PK\x03\x04" + data)
    await settled("m.zip", GOOD[:at] + data + GOOD[at + len(data) :])
    await settled("m.zip", as_zip64(GOOD)[:-at] + data + GOOD[at:])
