"""What an operator does once before services of a new release start on a large database."""

from pydantic import BaseModel, Field

from services.indexer.context import Context
from shared.database.indexes import build_indexes


class MigrationReport(BaseModel):
    """What a migration did."""

    built: list[str] = Field(default_factory=list[str])
    """Indexes that were missing."""
    present: list[str] = Field(default_factory=list[str])
    """Indexes that were there."""


async def migrate(context: Context) -> MigrationReport:
    """Build the indexes that are missing, however long it takes; may be repeated.

    Raises DatabaseUnavailable; what was built until then stays.
    """
    built, present = await build_indexes(context.database)
    return MigrationReport(built=built, present=present)
