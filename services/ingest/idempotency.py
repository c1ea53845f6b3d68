"""The key by which a request that is sent again finds what it made."""

import hashlib
from typing import Annotated

from fastapi import Header

IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=256, pattern=r"^[\x21-\x7e]+$"),
]


def digest_of(*texts: str) -> str:
    """Return the digest by which a key is kept, or what was asked for by it.

    Of a key the texts are whose it is, what it is for, and the key itself. The digest of each is
    taken by itself, so that none can pass for two of them.
    """
    digests = b"".join(hashlib.sha256(text.encode()).digest() for text in texts)
    return hashlib.sha256(digests).hexdigest()
