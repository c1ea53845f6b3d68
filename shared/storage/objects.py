"""Objects as the services see them: what storage attests of them, and their bytes in ranges."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import cast

from miniopy_async.api import Minio

from shared.domain.digests import to_hex
from shared.runtime.progress import tell_progress
from shared.storage.connection import (
    StorageMissing,
    StorageRefused,
    StorageUnavailable,
    translated,
    write_once,
)
from shared.storage.object_parts import PartDigest, read_parts

CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as HEAD tells of it."""

    size_bytes: int
    etag: str
    object_version: str | None
    """Storage's version id; None where the bucket keeps no versions."""
    sha256: str | None
    """Hex digest of the whole, verified by storage when the object was written."""
    composite: str | None
    """Composite digest of a multipart object, verified by storage part by part."""


class Objects:
    """Single objects: looked at, read, written once, removed.

    Every method raises StorageMissing, StorageRefused or StorageUnavailable.
    """

    def __init__(self, client: Minio) -> None:
        self._client = client

    async def head(
        self, bucket: str, key: str, object_version: str | None = None
    ) -> StoredObject | None:
        """Return what storage knows of an object; None where it is not there.

        Denied for this object alone, it is refused: nobody waits for it.
        """
        try:
            with translated(f"{bucket}/{key}"):
                found = await self._client.stat_object(
                    bucket,
                    key,
                    version_id=object_version,
                    extra_headers={"x-amz-checksum-mode": "ENABLED"},
                )
        except StorageMissing:
            return None
        except StorageUnavailable as error:
            if error.reason != "AccessDenied":
                raise
            with translated(bucket):
                await self._client.bucket_exists(bucket)  # raises where all is denied to us
            raise StorageRefused(error.reason, "the object is denied, its bucket is not") from error
        headers = cast(Mapping[str, str], found.metadata or {})  # the answer's headers
        checksum = headers.get("x-amz-checksum-sha256")
        whole = checksum is not None and "-" not in checksum
        return StoredObject(
            size_bytes=found.size or 0,
            etag=found.etag or "",
            object_version=found.version_id if found.version_id != "null" else None,
            sha256=to_hex(checksum) if checksum is not None and whole else None,
            composite=None if whole else checksum,
        )

    async def parts(
        self, bucket: str, key: str, object_version: str | None = None
    ) -> list[PartDigest]:
        """Return the parts that an object was made of, with the digests that storage verified."""
        return await read_parts(self._client, bucket, key, object_version)

    async def read(
        self, bucket: str, key: str, offset: int, length: int, object_version: str | None = None
    ) -> bytes:
        """Return up to `length` bytes from `offset`; the caller keeps `length` small.

        A store that gives more than the range, which may be all of a large object, is not listened
        to any further.
        """
        body = bytearray()
        with translated(f"{bucket}/{key}"):
            response = await self._client.get_object(
                bucket, key, offset=offset, length=length, version_id=object_version
            )
            async with response:
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > length:
                        response.close()
                        raise StorageUnavailable("it gives more than the range")
        return bytes(body)

    async def stream(
        self, bucket: str, key: str, object_version: str | None = None
    ) -> AsyncIterator[bytes]:
        """Yield the whole object in chunks of at most 1 MiB."""
        with translated(f"{bucket}/{key}"):
            response = await self._client.get_object(bucket, key, version_id=object_version)
            async with response:
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    tell_progress()
                    yield chunk

    async def put_once(self, bucket: str, key: str, body: bytes, content_type: str) -> bool:
        """Write a small object where there is none under the key; False where there is one."""
        try:
            await write_once(self._client, "PUT", bucket, key, body, content_type)
        except StorageRefused as refused:
            if refused.s3_code != "PreconditionFailed":
                raise
            return False
        return True

    async def remove(self, bucket: str, key: str, object_version: str | None = None) -> None:
        """Remove an object, or one version of it; quiet where it is gone."""
        with translated(f"{bucket}/{key}"):
            await self._client.remove_object(bucket, key, version_id=object_version)
