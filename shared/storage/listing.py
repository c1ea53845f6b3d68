"""What a bucket holds, page by page."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime

from miniopy_async.api import Minio
from miniopy_async.datatypes import Object, parse_list_objects

from shared.storage.connection import translated

PAGE = 500


@dataclass(frozen=True, slots=True)
class ListedObject:
    """A version of an object as a listing tells of it."""

    key: str
    object_version: str | None
    """None where the bucket keeps no versions."""
    size_bytes: int
    modified_at: datetime | None
    etag: str = ""
    is_latest: bool = True
    """Whether a reader of the key gets this one."""


class Listing:
    """Lists buckets; raises StorageMissing, StorageRefused or StorageUnavailable."""

    def __init__(self, client: Minio) -> None:
        self._client = client

    async def versions(
        self, bucket: str, *, prefix: str = "", size: int = PAGE
    ) -> AsyncGenerator[list[ListedObject]]:
        """Yield all versions of all objects, in order of their keys; no delete markers.

        One page is in memory at a time.
        """
        page: list[ListedObject] = []
        with translated(bucket):
            async for found in self._client.list_objects(
                bucket, prefix=prefix or None, recursive=True, include_version=True
            ):
                if found.is_delete_marker or not found.object_name:
                    continue
                page.append(
                    ListedObject(
                        key=found.object_name,
                        object_version=found.version_id if found.version_id != "null" else None,
                        size_bytes=found.size or 0,
                        modified_at=found.last_modified,
                        etag=found.etag or "",
                        is_latest=found.is_latest == "true",
                    )
                )
                if len(page) == size:
                    yield page
                    page = []
        if page:
            yield page

    async def has(self, bucket: str, key: str) -> bool:
        """Whether there is an object under exactly this key.

        Unlike HEAD, a listing needs no right to read the object.
        """
        # Of the keys that begin with it, the key itself comes first.
        query = {"list-type": "2", "prefix": key, "encoding-type": "url", "max-keys": "1"}
        found, _, _ = await self._page(bucket, query)
        return any(each.object_name == key for each in found)

    async def pages(
        self, bucket: str, *, prefix: str = "", size: int = PAGE
    ) -> AsyncGenerator[list[ListedObject]]:
        """Yield the newest version of each object that is not deleted, in order of their keys."""
        async for page in self.versions(bucket, prefix=prefix, size=size):
            if newest := [found for found in page if found.is_latest]:
                yield newest

    async def names(self, bucket: str, *, size: int = PAGE) -> AsyncGenerator[list[str]]:
        """Yield the first segments of the keys, each once: "churn/", or an object's whole key.

        In their order, which whoever goes on after a name relies on: each answer tells objects
        first, then the others.
        """
        query = {"list-type": "2", "delimiter": "/", "encoding-type": "url", "max-keys": str(size)}
        is_truncated = True
        while is_truncated:
            found, is_truncated, token = await self._page(bucket, query)
            if names := sorted(each.object_name or "" for each in found):
                yield names
            if token is None:
                return
            query["continuation-token"] = token

    async def _page(
        self, bucket: str, query: Mapping[str, str]
    ) -> tuple[list[Object], bool, str | None]:
        """Return a page of ListObjectsV2, whether more follow, and where they begin."""
        with translated(bucket):
            response = await self._client._execute(  # pyright: ignore[reportPrivateUsage]
                "GET", bucket, query_params=dict(query)
            )
            async with response:
                found, is_truncated, token, _ = parse_list_objects(await response.text())
        return found, is_truncated, token
