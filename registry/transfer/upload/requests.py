"""What an upload is opened with: the files of a source, and what is said about them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from registry._answers import request_of
from registry.schemas import UploadRequest
from registry.transfer.upload.hashing import hash_in_thread
from registry.transfer.upload.plan import HASH_FIRST_BYTES
from registry.transfer.upload.sources import SourceFile

Described = dict[str, Any]
"""A file as the request names it."""


async def hash_small(files: Sequence[SourceFile]) -> dict[str, str]:
    """Return the digests that make a request distinctive before anything is sent."""
    small = [file for file in files if file.size_bytes <= HASH_FIRST_BYTES]
    return {file.path: await hash_in_thread(file) for file in small}


def describe(files: Iterable[SourceFile], sha256: Mapping[str, str]) -> list[Described]:
    """Return files that are here as a request names them."""
    return [
        {"path": file.path, "size_bytes": file.size_bytes, "sha256": sha256.get(file.path)}
        for file in files
    ]


def describe_absent(sizes: Mapping[str, int]) -> list[Described]:
    """Return files that are elsewhere, by path and size in bytes, as a request names them."""
    return [{"path": path, "size_bytes": size} for path, size in sizes.items()]


def upload_request(files: Sequence[Described], fields: Mapping[str, Any]) -> UploadRequest:
    """Return the request; `fields` are its others. Raises InvalidRequestError."""
    return request_of(UploadRequest, {**fields, "files": files})
