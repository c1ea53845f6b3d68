"""What an operator does once before services of a new release start on a large database."""

from pydantic import BaseModel, Field

from services.admin.left_work import ask_for_left_work
from services.indexer.context import Context
from shared.database.audit import keep_retention
from shared.database.indexes import build_indexes


class MigrationReport(BaseModel):
    """What a migration did."""

    built: list[str] = Field(default_factory=list[str])
    """Indexes that were missing."""
    present: list[str] = Field(default_factory=list[str])
    """Indexes that were there."""
    asked_to_confirm: int = 0
    """Ready versions that lack part digests: a worker reads them once more."""
    resumed_commits: int = 0
    """Commits left open though all their bytes are stored: a worker makes them ready."""


async def migrate(context: Context) -> MigrationReport:
    """Build missing indexes, set the audit's retention, give workers what is left; may be repeated.

    It may take long: every index is built to its end, and every version is looked at.

    Raises DatabaseUnavailable; what was built until then stays.
    """
    built, present = await build_indexes(context.database)
    await keep_retention(context.database, context.settings.audit_retention_days)
    asked = await ask_for_left_work(context)
    return MigrationReport(
        built=built,
        present=present,
        asked_to_confirm=asked.to_confirm,
        resumed_commits=asked.to_join,
    )
