"""Everything that is left of a run, wherever it lies: what the checker looks at."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.database.client import Database, open_database
from shared.domain.records import VersionRecord
from shared.runtime.settings import Settings
from shared.storage.adapter import Storage, open_storage
from tests.support.s3 import S3, s3_client


@dataclass(frozen=True)
class View:
    """The registry from behind: its settings, records and objects."""

    settings: Settings
    database: Database
    storage: Storage
    s3: S3

    async def versions(self) -> list[VersionRecord]:
        """Return every version, by model and number."""
        found = self.database.versions.find().sort([("model", 1), ("number", 1)])
        return [VersionRecord.model_validate(document) for document in await found.to_list()]

    async def version(self, upload_key: str) -> VersionRecord | None:
        """Return the version of an upload, by its idempotency key."""
        found = await self.database.versions.find_one({"session.idempotency_key": upload_key})
        return VersionRecord.model_validate(found) if found else None

    async def count(self, **query: object) -> int:
        """Return how many versions match."""
        return await self.database.versions.count_documents(query)


@asynccontextmanager
async def open_view(settings: Settings) -> AsyncGenerator[View]:
    """Open clients of the checker's own."""
    async with open_database(settings) as database, open_storage(settings) as storage:
        yield View(settings, database, storage, s3_client(settings))
