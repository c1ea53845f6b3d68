"""What releases before this one left undone: workers are asked to do it."""

from dataclasses import dataclass

from services.indexer.context import Context
from shared.database.models import each_model
from shared.database.part_digests import read_part_digests
from shared.database.work import ask_to_confirm, ask_to_join
from shared.domain.part_digests import spans_parts
from shared.domain.records import VersionRecord
from shared.domain.sessions import awaits_settling, is_commit

MODELS = 200
PAGE = 20
"""Versions of one query: with 1,000 files each they take some 20 MB."""


@dataclass(slots=True)
class LeftWork:
    """How many versions workers are asked for."""

    to_confirm: int = 0
    """Ready versions that lack part digests, from before these were kept: read once more."""
    to_join: int = 0
    """Commits that were left open with all of their bytes, as they were opened without work and
    ingest ended at that moment."""


async def ask_for_left_work(context: Context) -> LeftWork:
    """Put versions into the queue of work that lack something, and return how many.

    May be repeated. Raises DatabaseUnavailable; what was asked for until then stays.
    """
    asked = LeftWork()
    async for model in each_model(context.database, after=None, page=MODELS):
        await _ask_for_model(model.name, asked, context)
    return asked


async def _ask_for_model(model: str, asked: LeftWork, context: Context) -> None:
    number = 0
    while page := await context.versions.records_of(model, after=number, limit=PAGE):
        for version in page:
            if version.state == "ready" and await _lacks_parts(version, context):
                asked.to_confirm += await ask_to_confirm(context.database, version.id)
            elif is_commit(version) and awaits_settling(version):
                asked.to_join += await ask_to_join(context.database, version.id)
        number = page[-1].number


async def _lacks_parts(version: VersionRecord, context: Context) -> bool:
    wanted = {index: each for index, each in enumerate(version.artifacts) if spans_parts(each)}
    if not wanted:
        return False
    kept = await read_part_digests(context.database, version.id, [*wanted])
    return any(
        index not in kept or not kept[index].are_of(artifact) for index, artifact in wanted.items()
    )
