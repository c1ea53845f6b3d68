"""What the indexer's use cases work with."""

import asyncio
from dataclasses import dataclass
from typing import Self

from services.indexer.verify.sandbox.limits import MIB, ProcessLimits
from services.indexer.verify.sandbox.processes import CheckProcesses
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
    check_processes: CheckProcesses
    """Check formats whose headers are large."""

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
            CheckProcesses(
                ProcessLimits(
                    settings.format_check_memory_mib * MIB, settings.format_check_cpu_seconds
                ),
                settings.format_check_processes,
            ),
        )
