"""Which servers are away: what a service's readiness tells."""

import asyncio

from shared.database.client import Database, limit_operations
from shared.database.errors import DatabaseUnavailable
from shared.domain.errors import RegistryError
from shared.storage.adapter import Storage
from shared.storage.connection import StorageUnavailable

THREAD_SECONDS = 0.5
"""The longest wait for a thread of the driver."""
ANSWER_SECONDS = 2.0
"""A server that takes longer is away: whoever asks for the readiness does not wait for long."""


async def absent_servers(database: Database, storage: Storage | None, bucket: str) -> list[str]:
    """Name MongoDB and, where the service needs it, MinIO, if they do not answer now."""
    asked = [_database_away(database)]
    if storage is not None:
        asked.append(_storage_away(storage, bucket))
    return [away for away in await asyncio.gather(*asked) if away]


async def _database_away(database: Database) -> str:
    try:
        # Both: the driver's own limit tells the reason, but begins once a thread is free, of which
        # statements that hang may have all.
        async with asyncio.timeout(ANSWER_SECONDS + THREAD_SECONDS):
            with limit_operations(ANSWER_SECONDS):
                await database.ping()
    except TimeoutError:
        return "MongoDB"
    except DatabaseUnavailable as error:
        # Credentials and roles are an operator's to mend, who has to be told.
        return f"MongoDB ({error.reason})" if error.is_refused else "MongoDB"
    return ""


async def _storage_away(storage: Storage, bucket: str) -> str:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await storage.buckets.exists(bucket)
    except StorageUnavailable as error:
        return f"MinIO ({error.reason})" if error.is_denied else "MinIO"
    except (RegistryError, TimeoutError):
        return "MinIO"
    return ""
