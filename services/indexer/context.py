"""What the indexer's use cases work with."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from services.indexer.verify.validations import Validation, validations_of
from shared.database.client import Database
from shared.database.outbox import Outbox
from shared.database.versions import Versions
from shared.runtime.settings import Settings
from shared.storage.adapter import Storage
from shared.storage.groups import StorageGroups


@dataclass(frozen=True, slots=True)
class Context:
    """The open clients and repositories of the process, and its limits."""

    settings: Settings
    database: Database
    versions: Versions
    outbox: Outbox
    storage: Storage
    groups: StorageGroups
    storage_slots: asyncio.Semaphore
    """Bounds the storage requests under way."""
    validations: Sequence[Validation]
    """What an artifact must pass, in this order."""

    @classmethod
    def create(cls, settings: Settings, database: Database, storage: Storage) -> Self:
        """Build the repositories over open clients."""
        return cls(
            settings,
            database,
            Versions(database),
            Outbox(database),
            storage,
            StorageGroups(database, storage, settings),
            asyncio.Semaphore(settings.indexer_concurrency),
            validations_of(settings),
        )
