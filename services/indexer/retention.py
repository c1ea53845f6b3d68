"""Rules of retention, evaluated on a schedule: versions that nothing keeps are deleted."""

from datetime import timedelta

from services.indexer.context import Context
from shared.database import retention
from shared.database.models import each_model
from shared.runtime.logs import get_logger
from shared.runtime.progress import tell_progress

MODELS = 200
"""Models of one query."""

log = get_logger(__name__)


async def apply_retention(context: Context) -> int:
    """Delete what the rules remove of every model; returns how many versions.

    They can be restored like any other. Raises DatabaseUnavailable; what was deleted stays so.
    """
    life = timedelta(seconds=context.settings.deletion_retention_seconds)
    deleted = 0
    async for model in each_model(context.database, after=None, page=MODELS):
        tell_progress()
        found = await retention.evaluate(context.database, model.name)
        removed = [each for each in found.judgements if each.outcome == "removed"]
        for judgement in reversed(removed):  # the oldest first
            tell_progress()
            record = await retention.remove(
                context.database, model.name, judgement, found, retention=life
            )
            if record is not None:
                deleted += 1
                fields = {"model": record.model, "version": record.number, "by": found.by}
                log.info("version deleted by rule", version_id=record.id, **fields)
    return deleted
