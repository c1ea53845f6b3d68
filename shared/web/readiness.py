"""Which servers are away: what a service's readiness tells."""

import asyncio

from shared.database.client import Database, DatabaseError, limit_operations
from shared.domain.errors import RegistryError
from shared.storage.adapter import Storage

ANSWER_SECONDS = 2.0
"""A server that takes longer is away: whoever asks for the readiness does not wait for long."""


async def absent_servers(database: Database, storage: Storage | None, bucket: str) -> list[str]:
    """Name MongoDB and, where the service needs it, MinIO, if they do not answer now."""
    answers = {"MongoDB": _database_answers(database)}
    if storage is not None:
        answers["MinIO"] = _storage_answers(storage, bucket)
    found = await asyncio.gather(*answers.values())
    return [name for name, answered in zip(answers, found, strict=True) if not answered]


async def _database_answers(database: Database) -> bool:
    try:
        with limit_operations(ANSWER_SECONDS):
            await database.ping()
    except DatabaseError:
        return False
    return True


async def _storage_answers(storage: Storage, bucket: str) -> bool:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await storage.buckets.exists(bucket)
    except (RegistryError, TimeoutError):
        return False
    return True
