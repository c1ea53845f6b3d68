"""Decisions of an upload without I/O: its idempotency key, its parts, which of them are missing.

Example:
    >>> from registry.schemas import FileRequest, UploadRequest
    >>> request = UploadRequest(model="churn", files=[FileRequest(path="m.pkl", size_bytes=3)])
    >>> derive_key(request, 0) == derive_key(request, 0) != derive_key(request, 1)
    True
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from registry.errors import ProtocolError
from registry.schemas import FilePlan, UploadedPart, UploadRequest
from registry.transfer.digests import composite

HASH_FIRST_BYTES = 16 << 20
"""Files up to this size are hashed before the upload is opened, larger ones part by part."""
FIRST_BATCH_PARTS = 2
BATCH_PARTS = 16
"""Most parts whose URLs are asked for at once."""
BATCH_BYTES = 256 << 20
"""Most bytes hashed ahead of sending in one batch, so that sending finds them in the page cache."""


@dataclass(frozen=True, slots=True)
class Part:
    """A range of a file that travels as one part."""

    number: int
    offset: int
    size_bytes: int


def derive_key(request: UploadRequest, counter: int) -> str:
    """Return the idempotency key of an upload: equal for equal requests, on any machine.

    The counter tells apart uploads of different bytes under the same request, since large files
    are not hashed before the upload is opened.
    """
    body = json.dumps(request.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return f"v1-{hashlib.sha256(body.encode()).hexdigest()}-{counter}"


def split(plan: FilePlan) -> list[Part]:
    """Return the parts of a multipart file; raises ProtocolError where the plan is no plan."""
    size, count = plan.part_size_bytes, plan.part_count
    if not size or not count or -(-plan.size_bytes // size) != count:
        raise ProtocolError(f"the plan of {plan.path} does not cut it into parts")
    return [Part(n + 1, n * size, min(size, plan.size_bytes - n * size)) for n in range(count)]


def batches(parts: Sequence[Part]) -> list[Sequence[Part]]:
    """Return parts in the groups whose URLs are asked for together, each twice the one before.

    Sending starts after the first group is hashed, so that one is small; and since hashing is
    faster than sending, each group is ready before the one ahead of it has been sent.
    """
    if not parts:
        return []
    limit = max(1, min(BATCH_PARTS, BATCH_BYTES // max(part.size_bytes for part in parts)))
    groups: list[Sequence[Part]] = []
    at, size = 0, min(FIRST_BATCH_PARTS, limit)
    while at < len(parts):
        groups.append(parts[at : at + size])
        at, size = at + size, min(2 * size, limit)
    return groups


def ledger_conflict(
    ledger: Iterable[UploadedPart], parts: Sequence[Part], digests: dict[int, str]
) -> int | None:
    """Return the number of a part that storage has and that is not ours, or None.

    `digests` holds the local hex digest of every part in the ledger. A part whose digest storage
    does not know conflicts as well: nobody could tell whose it is.
    """
    by_number = {part.number: part for part in parts}
    for stored in ledger:
        part = by_number.get(stored.number)
        if part is None or stored.size_bytes != part.size_bytes:
            return stored.number
        if stored.sha256 is None or stored.sha256 != digests[stored.number]:
            return stored.number
    return None


def missing_parts(ledger: Iterable[UploadedPart], parts: Sequence[Part]) -> list[Part]:
    """Return the parts that are not in the ledger, in order."""
    stored = {part.number for part in ledger}
    return [part for part in parts if part.number not in stored]


def composite_of(digests: dict[int, str]) -> str:
    """Return the composite digest of a file from the hex digests of all its parts."""
    return composite(bytes.fromhex(digests[number]) for number in sorted(digests))


def stored_bytes(plan: FilePlan) -> int:
    """Return how many bytes of a file storage has already."""
    return plan.size_bytes if plan.uploaded else sum(part.size_bytes for part in plan.parts)
