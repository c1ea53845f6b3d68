"""Which servers are away: what a service's readiness tells."""

from shared.database import Database, DatabaseError
from shared.errors import RegistryError
from shared.storage import Storage


async def absent_servers(database: Database, storage: Storage | None, bucket: str) -> list[str]:
    """Name MongoDB and, where the service needs it, MinIO, if they do not answer now."""
    absent: list[str] = []
    try:
        await database.ping()
    except DatabaseError:
        absent.append("MongoDB")
    if storage is not None:
        try:
            await storage.buckets.exists(bucket)
        except RegistryError:
            absent.append("MinIO")
    return absent
