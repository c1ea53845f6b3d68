"""Pickles: recognised, never read. What a pickle would run is not this check's question."""

import pickletools
from typing import Final

from shared.formats.plan import Candidate, Plan, Range
from shared.formats.report import FormatError, FormatReport

PROTOCOL_MAGICS: Final = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
"""PROTO opcode and its number."""
OLD_OPCODES: Final = frozenset(
    opcode.code.encode("latin-1") for opcode in pickletools.opcodes if opcode.proto < 2
)
"""What a pickle of protocol 0 or 1, the defaults of Python 2, may begin with (PEP 307)."""
STOP: Final = b"."
LEGACY_TORCH_MAGIC: Final = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""`torch.save` before 1.6: a pickled magic number, more pickles, then the bare tensors, so no STOP
at the end (`torch/serialization.py`, MAGIC_NUMBER)."""
TORCH_EXTENSIONS: Final = (".pt", ".pth")
COMPRESSIONS: Final[dict[bytes, str]] = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x5d\0\0": "lzma",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"ZF0x": "zfile",  # joblib before 0.10
    **dict.fromkeys((b"x\x01", b"x\x5e", b"x\x9c", b"x\xda"), "zlib"),
}
"""First bytes of what joblib and pandas compress pickles with; the content stays unjudged."""


def check_pickle(candidate: Candidate) -> Plan:
    """Check the first opcode and the last.

    Raises:
        FormatError: `pickle_*`, named after the rule.

    """
    head = candidate.head
    for magic, name in COMPRESSIONS.items():
        if head.startswith(magic) and candidate.extension not in TORCH_EXTENSIONS:
            return FormatReport("pickle", details={"compression": name})
    old = head[:1] in OLD_OPCODES
    if not old and not head.startswith(PROTOCOL_MAGICS):
        raise FormatError(
            "pickle_magic_missing",
            "A pickle must begin with an opcode, from protocol 2 on with 0x80, at offset 0.",
        )
    if candidate.extension not in TORCH_EXTENSIONS and not head.startswith(LEGACY_TORCH_MAGIC):
        last = candidate.size_bytes - 1
        if (yield Range(last, 1)) != STOP:
            raise FormatError(
                "pickle_stop_missing",
                f"The last byte, at offset {last}, must be the STOP opcode: the file is cut off.",
            )
    return FormatReport("pickle", details={} if old else {"protocol": head[1]})
