"""SHA-256 of a user's files and of their parts, hashed in threads."""

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import partial

import anyio
import anyio.to_thread
from anyio.from_thread import check_cancelled
from anyio.lowlevel import RunVar

from registry._concurrent import map_concurrently
from registry.errors import SourceChangedError
from registry.transfer.digests import CHUNK_BYTES
from registry.transfer.upload.plan import Part
from registry.transfer.upload.sources import SourceFile

PartDigests = dict[str, dict[int, str]]
"""Hex SHA-256 by file path and part number, as far as they are known."""


def hash_range(
    file: SourceFile, start: int, length: int, check: Callable[[], object] = lambda: None
) -> str:
    """Return the hex SHA-256 of a range of a file. Blocking; `check` may stop it by raising.

    Raises SourceChangedError where the file ends early or is no longer the one that was found.
    """
    digest, end = hashlib.sha256(), start + length
    with file.open() as reader:
        while start < end:
            check()
            chunk = reader.read_at(start, min(CHUNK_BYTES, end - start))
            if not chunk:
                raise SourceChangedError(file.path)
            digest.update(chunk)
            start += len(chunk)
    return digest.hexdigest()


async def hash_in_thread(file: SourceFile, start: int = 0, length: int | None = None) -> str:
    """Return the hex SHA-256 of a file or a range of it, hashed in one of a few threads."""
    work = partial(
        hash_range, file, start, file.size_bytes if length is None else length, check_cancelled
    )
    return await anyio.to_thread.run_sync(work, limiter=_hashing_threads())


async def hash_parts(file: SourceFile, parts: Sequence[Part], digests: dict[int, str]) -> None:
    """Hash parts in threads and add to `digests` what is not there yet."""

    async def hash_part(part: Part) -> None:
        digests[part.number] = await hash_in_thread(file, part.offset, part.size_bytes)

    await map_concurrently(hash_part, [part for part in parts if part.number not in digests])


def _hashing_threads() -> anyio.CapacityLimiter:
    # One for each core: more would only take turns. Kept for each event loop, as anyio wants it.
    try:
        return _limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(min(4, os.cpu_count() or 1))
        _limiter.set(limiter)
        return limiter


_limiter: RunVar[anyio.CapacityLimiter] = RunVar("registry-hashing-threads")
