"""What the indexer's use cases work with."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from services.indexer.figures.counts import Counts, NotCounted
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
    counts: Counts = field(default_factory=NotCounted)
    """Who takes note of what is done."""

    @classmethod
    def create(
        cls,
        settings: Settings,
        database: Database,
        storage: Storage,
        counts: Counts | None = None,
    ) -> Self:
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
            counts or NotCounted(),
        )
