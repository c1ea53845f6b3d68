"""What a bucket holds, page by page."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime

from miniopy_async.api import Minio

from shared.storage.connection import translated


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object as a listing tells of it."""

    key: str
    object_version: str | None
    size_bytes: int
    modified_at: datetime | None


class Listing:
    """Lists buckets; raises StorageMissing, StorageRefused or StorageUnavailable."""

    def __init__(self, client: Minio) -> None:
        self._client = client

    async def pages(
        self, bucket: str, *, prefix: str = "", size: int = 500
    ) -> AsyncGenerator[list[ListedObject]]:
        """Yield the newest version of each object that is not deleted, in order of their keys.

        One page is in memory at a time.
        """
        page: list[ListedObject] = []
        with translated(bucket):
            async for found in self._client.list_objects(
                bucket, prefix=prefix or None, recursive=True, include_version=True
            ):
                if found.is_delete_marker or found.is_latest != "true" or not found.object_name:
                    continue
                version = found.version_id if found.version_id != "null" else None
                page.append(
                    ListedObject(found.object_name, version, found.size or 0, found.last_modified)
                )
                if len(page) == size:
                    yield page
                    page = []
        if page:
            yield page
