"""Models and versions by name, as MLflow's clients ask for them."""

import asyncio
from collections.abc import Sequence

from registry.schemas import Model, Version
from registry.schemas.links import Link
from registry.schemas.mlflow import RUN_ID
from services.query.context import Context
from services.query.versions import lookups
from services.query.versions.pages import PAGE_BYTES
from shared.database.aliases import list_aliases
from shared.domain.aliases import MAX_ALIASES
from shared.domain.errors import version_not_found
from shared.web.mlflow.shapes import ModelVersion, RegisteredModel, told_model, told_version

AT_ONCE = 8
"""Models of one page that are read at the same time."""


async def find_model(name: str, context: Context) -> RegisteredModel:
    """Return a model with its aliases and its latest version; raises NotFound."""
    return await _whole(await lookups.find_model(name, context), context)


async def whole_models(models: Sequence[Model], context: Context) -> list[RegisteredModel]:
    """Return models with their aliases and latest versions, in the same order."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def whole(model: Model) -> RegisteredModel:
        async with turn:
            return await _whole(model, context)

    return await asyncio.gather(*map(whole, models))


async def find_version(name: str, version: str, context: Context) -> ModelVersion:
    """Return a version by its number or @alias; raises NotFound, also where it was deleted."""
    found = await find_there(name, version, context)
    return told_version(found, context.settings.query_url, await _run_of(found, context))


async def find_there(name: str, version: str, context: Context) -> Version:
    """Return a version as it is here; raises NotFound, also where it was deleted."""
    found = await lookups.find_version(name, version, context)
    if found.state == "deleted":  # MLflow knows no way back
        raise version_not_found(name, version)
    return found


async def latest_versions(name: str, stages: Sequence[str], context: Context) -> list[ModelVersion]:
    """Return the latest version that is ready, where stage None is asked for, or no stage.

    Raises NotFound for the model.
    """
    model = await lookups.find_model(name, context)
    if stages and "none" not in (each.lower() for each in stages):
        return []
    return await _latest(model, context)


async def _whole(model: Model, context: Context) -> RegisteredModel:
    aliases = await list_aliases(context.database, model.name, after=None, limit=MAX_ALIASES)
    return told_model(model, aliases, await _latest(model, context))


async def _latest(model: Model, context: Context) -> list[ModelVersion]:
    number = model.latest_number
    if number is None:
        return []
    found, _ = await context.versions.summaries(
        model.name, before=number + 1, limit=1, max_bytes=PAGE_BYTES
    )
    is_there = [each for each in found if each.number == number]
    return [told_version(each, context.settings.query_url) for each in is_there]


async def _run_of(version: Version, context: Context) -> Link | None:
    """Return the run of a version's lineage, where no tag names one."""
    if RUN_ID in version.tags:
        return None
    record = await context.versions.get(version.id)
    links = record.lineage if record else ()
    return next((each for each in links if each.kind == "run"), None)
