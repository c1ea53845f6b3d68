"""Purging now what is due: what workers do in their own time, with a report."""

from datetime import datetime

from pydantic import BaseModel, Field

from services.indexer.context import Context
from services.indexer.work.purge import bytes_freed, purge_version
from services.indexer.work.workers import LEASE, keep_lease
from shared.database.leases import LeaseLost
from shared.database.work import claim_work, due_work, postpone_work
from shared.domain.errors import RegistryError
from shared.domain.records import VersionRecord, new_id
from shared.runtime.tasks import run_guarded

MAX_EXAMPLES = 100
PAUSE = LEASE
"""After a failure the workers try again, after so long."""


class Purge(BaseModel):
    """A deleted version whose files are removed."""

    model: str
    number: int
    deleted_at: datetime
    by: str
    bytes_freed: int
    """What is removed; files that other versions refer to stay."""


class CollectReport(BaseModel):
    """What was purged; in a dry run, what would be."""

    dry_run: bool
    purged: int = 0
    bytes_freed: int = 0
    errors: list[str] = Field(default_factory=list[str])
    versions: list[Purge] = Field(default_factory=list[Purge])
    """The first hundred of them."""


async def collect(context: Context, *, dry_run: bool) -> CollectReport:
    """Purge every deleted version that is due now. Raises DatabaseUnavailable."""
    report = CollectReport(dry_run=dry_run)
    if dry_run:
        async for version in due_work(context.database, "purge"):
            _count(version, bytes_freed(version), report)
        return report
    while True:
        token = new_id()
        version = await claim_work(context.database, "purge", token, LEASE)
        if version is None:
            return report
        try:
            freed = await run_guarded(
                purge_version(version, token, context), keep_lease(version, token, context)
            )
        except LeaseLost:
            continue  # restored or held meanwhile, or a worker has it
        except RegistryError as error:
            await postpone_work(context.database, version.id, token, PAUSE)
            report.errors.append(f"{version.model}/{version.number}: {error}")
        else:
            if freed is not None:
                _count(version, freed, report)


def _count(version: VersionRecord, freed: int, report: CollectReport) -> None:
    report.purged += 1
    report.bytes_freed += freed
    deletion = version.deletion
    if deletion is not None and len(report.versions) < MAX_EXAMPLES:
        report.versions.append(
            Purge(
                model=version.model,
                number=version.number,
                deleted_at=deletion.at,
                by=deletion.by,
                bytes_freed=freed,
            )
        )
