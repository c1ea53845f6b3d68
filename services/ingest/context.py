"""What ingest's use cases work with."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Self

from fastapi import Depends, Request

from services.ingest.counts import Counts, NotCounted
from shared.database.client import Database
from shared.database.versions import Versions
from shared.runtime.settings import Settings
from shared.storage.adapter import Storage
from shared.storage.groups import StorageGroups

MOST_WAITING = 16
"""Commits that wait at once: a quarter of the requests that may be under way (see
`ingest_max_requests`)."""


@dataclass(frozen=True, slots=True)
class Context:
    """The open clients and repositories of the process."""

    settings: Settings
    database: Database
    versions: Versions
    storage: Storage
    groups: StorageGroups
    waits: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_WAITING))
    """Held by each commit that waits for a version to be settled."""
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
        groups = StorageGroups(database, storage, settings)
        return cls(
            settings, database, Versions(database), storage, groups, counts=counts or NotCounted()
        )

    @property
    def webhook_retention(self) -> timedelta:
        """How long deliveries of webhooks are kept."""
        return timedelta(days=self.settings.webhook_retention_days)


async def _context(request: Request) -> Context:  # a plain function would go to a thread
    context: Context = request.state.context
    return context


RequestContext = Annotated[Context, Depends(_context)]
