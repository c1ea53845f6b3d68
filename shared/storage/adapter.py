"""Object storage: one adapter over miniopy-async for MinIO and any S3 store like it.

Example:
    async with open_storage(settings) as storage:
        found = await storage.objects.head("models", "churn/1/model.pkl")
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.runtime.settings import Settings
from shared.storage.buckets import Buckets
from shared.storage.connection import connect
from shared.storage.listing import Listing
from shared.storage.multipart import MultipartUploads
from shared.storage.objects import Objects
from shared.storage.urls import UrlSigner


@dataclass(frozen=True, slots=True)
class Storage:
    """The adapter's faces."""

    objects: Objects
    listing: Listing
    multipart: MultipartUploads
    buckets: Buckets
    urls: UrlSigner


@asynccontextmanager
async def open_storage(settings: Settings) -> AsyncGenerator[Storage]:
    """Open the adapter and close its connections at the end."""
    client = connect(settings)
    try:
        yield Storage(
            objects=Objects(client),
            listing=Listing(client),
            multipart=MultipartUploads(client),
            buckets=Buckets(client, settings),
            urls=UrlSigner(settings),
        )
    finally:
        await client.close_session()
