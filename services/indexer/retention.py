"""Rules of retention, evaluated on a schedule: versions that nothing keeps are deleted."""

from datetime import timedelta

from services.indexer.context import Context
from shared.database import retention
from shared.database.models import each_model
from shared.database.rules import read_effective
from shared.runtime.progress import tell_progress

MODELS = 200
"""Models of one query."""


async def apply_retention(context: Context) -> int:
    """Delete what the rules remove of every model; returns how many versions.

    They can be restored like any other. Raises DatabaseUnavailable; what was deleted stays so.
    """
    life = timedelta(seconds=context.settings.deletion_retention_seconds)
    deleted = 0
    async for model in each_model(context.database, after=None, page=MODELS):
        tell_progress()
        if (await read_effective(context.database, model.name)).rules.retention is None:
            continue  # most models: their versions need not be read
        found = await retention.evaluate(context.database, model.name)
        removed = [each for each in found.judgements if each.outcome == "removed"]
        for judgement in reversed(removed):  # the oldest first
            tell_progress()
            deleted += bool(
                await retention.remove(
                    context.database, model.name, judgement.number, retention=life
                )
            )
    return deleted
