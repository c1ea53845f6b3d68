"""Digests as storage writes them (base64) and as people read them (hex)."""

import base64
import hashlib
from collections.abc import Iterable


def to_base64(hex_digest: str) -> str:
    """Return the base64 form of a hex digest, as in `x-amz-checksum-sha256`."""
    return base64.b64encode(bytes.fromhex(hex_digest)).decode()


def to_hex(base64_digest: str) -> str:
    """Return the hex form of a base64 digest; raises ValueError where it is no base64."""
    return base64.b64decode(base64_digest, validate=True).hex()


def composite(part_digests: Iterable[str]) -> str:
    """Return S3's composite SHA-256 of hex part digests: base64(sha256(all digests))-N."""
    digests = [bytes.fromhex(digest) for digest in part_digests]
    return f"{base64.b64encode(hashlib.sha256(b''.join(digests)).digest()).decode()}-{len(digests)}"
