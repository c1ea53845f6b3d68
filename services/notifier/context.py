"""What the notifier's use cases work with."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from services.notifier.figures.counts import Counts, NotCounted
from services.notifier.owners import Owners
from services.notifier.subscriptions import Subscriptions
from shared.database.client import Database
from shared.domain.access.grants import Grant
from shared.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """The open clients of the process, and what it keeps in memory."""

    settings: Settings
    database: Database
    subscriptions: Subscriptions
    owners: Owners
    counts: Counts = field(default_factory=NotCounted)
    """Who takes note of what is done."""

    @classmethod
    def create(cls, settings: Settings, database: Database, counts: Counts | None = None) -> Self:
        """Build what is kept in memory over an open client."""
        anonymous = [Grant.parse(each) for each in settings.granted_to_anonymous]
        return cls(
            settings,
            database,
            Subscriptions(database),
            Owners(database, anonymous),
            counts or NotCounted(),
        )

    @property
    def retention(self) -> timedelta:
        """How long deliveries are kept."""
        return timedelta(days=self.settings.webhook_retention_days)
