"""HDF5: the superblock only.

Layout: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, section II.A.
"""

from typing import Final

from shared.formats.plan import Candidate, Plan, Range, Steps
from shared.formats.report import FormatError, FormatReport

MAGIC: Final = b"\x89HDF\r\n\x1a\n"
MEDIA_TYPE: Final = "application/vnd.hdfgroup.hdf5"
"""Registered: https://www.iana.org/assignments/media-types/application/vnd.hdfgroup.hdf5"""
FIRST_USER_BLOCK_BYTES: Final = 512
"""A user block may stand before the superblock: 512 bytes, or any doubling. So the search takes at
most one small read for each power of two below the file's size."""
ADDRESS_BYTES: Final = (2, 4, 8, 16, 32)
"""Sizes of offsets that the library accepts."""
ADDRESSES_AT: Final[dict[int, int]] = {0: 24, 1: 28, 2: 12, 3: 12}
"""Where the addresses begin, by superblock version. The first is the base address and the third
the end-of-file address, in every version."""
ADDRESS_SIZE_AT: Final[dict[int, int]] = {0: 13, 1: 13, 2: 9, 3: 9}


def check_hdf5(candidate: Candidate) -> Plan:
    """Check that the file reaches the end that its superblock states.

    Raises:
        FormatError: `hdf5_*`, named after the rule.

    """
    size_bytes = candidate.size_bytes
    start = yield from _find_superblock(size_bytes)
    version, address_bytes = yield from _read_version(start, size_bytes)
    addresses_at = start + ADDRESSES_AT[version]
    if addresses_at + 3 * address_bytes > size_bytes:
        raise _truncated(start, size_bytes)
    raw = yield Range(addresses_at, 3 * address_bytes)
    base = int.from_bytes(raw[:address_bytes], "little")
    stated_end = int.from_bytes(raw[2 * address_bytes :], "little")
    # The stored end is absolute. Where a user block was added or cut off later, base and start
    # differ, and the library shifts the end by as much (`H5F__super_read`).
    end = stated_end - base + start
    if end > size_bytes:
        raise FormatError(
            "hdf5_end_out_of_bounds",
            f"The end-of-file address in the superblock at offset {start} is {end}, past the "
            f"file's end at {size_bytes}.",
        )
    return FormatReport("hdf5", MEDIA_TYPE, {"superblock_version": version})


def _find_superblock(size_bytes: int) -> Steps[int]:
    """Find the signature, at offset 0 or after a user block."""
    offset = 0
    while offset + len(MAGIC) <= size_bytes:
        if (yield Range(offset, len(MAGIC))) == MAGIC:
            return offset
        offset = offset * 2 or FIRST_USER_BLOCK_BYTES
    raise FormatError(
        "hdf5_signature_missing", "No HDF5 signature at offset 0, 512, or a doubling of that."
    )


def _read_version(start: int, size_bytes: int) -> Steps[tuple[int, int]]:
    """Read the superblock's version and its size of addresses, bytes."""
    if start + 16 > size_bytes:
        raise _truncated(start, size_bytes)
    raw = yield Range(start, 16)
    version = raw[len(MAGIC)]
    if version not in ADDRESSES_AT:
        raise FormatError(
            "hdf5_version_unsupported",
            f"The superblock at offset {start} has version {version}, known are 0 to 3.",
        )
    address_bytes = raw[ADDRESS_SIZE_AT[version]]
    if address_bytes not in ADDRESS_BYTES:
        raise FormatError(
            "hdf5_address_size",
            f"The superblock at offset {start} has addresses of {address_bytes} bytes, allowed "
            f"are {ADDRESS_BYTES}.",
        )
    return version, address_bytes


def _truncated(start: int, size_bytes: int) -> FormatError:
    return FormatError(
        "hdf5_truncated", f"The superblock at offset {start} passes the file's end at {size_bytes}."
    )
