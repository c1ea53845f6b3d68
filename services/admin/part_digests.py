"""Versions that became ready before part digests were kept: a worker reads them once more."""

from services.indexer.context import Context
from shared.database.models import each_model
from shared.database.part_digests import read_part_digests
from shared.database.work import ask_to_confirm
from shared.domain.part_digests import spans_parts
from shared.domain.records import VersionRecord

MODELS = 200
PAGE = 20
"""Versions of one query: with 1,000 files each they take some 20 MB."""


async def ask_for_part_digests(context: Context) -> int:
    """Put ready versions that lack part digests into the queue of work; returns how many.

    May be repeated. Raises DatabaseUnavailable; what was asked for until then stays.
    """
    asked = 0
    async for model in each_model(context.database, after=None, page=MODELS):
        asked += await _ask_for_model(model.name, context)
    return asked


async def _ask_for_model(model: str, context: Context) -> int:
    asked = number = 0
    while page := await context.versions.records_of(model, after=number, limit=PAGE):
        for version in page:
            if version.state == "ready" and await _lacks_parts(version, context):
                asked += await ask_to_confirm(context.database, version.id)
        number = page[-1].number
    return asked


async def _lacks_parts(version: VersionRecord, context: Context) -> bool:
    wanted = {index: each for index, each in enumerate(version.artifacts) if spans_parts(each)}
    if not wanted:
        return False
    kept = await read_part_digests(context.database, version.id, [*wanted])
    return any(
        index not in kept or not kept[index].are_of(artifact) for index, artifact in wanted.items()
    )
