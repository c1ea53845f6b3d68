"""The slow walk: each verified object is asked for by itself, all the time, at a low rate.

A listing tells that an object is there. Only a question about the object itself finds one that
storage cannot give any more, or that it attests another digest of.
"""

from services.indexer.context import Context
from services.indexer.reconcile.buckets import present_buckets
from services.indexer.reconcile.pace import Round, begin_round
from services.indexer.reconcile.presence import look
from services.indexer.reconcile.report import Report
from shared.database.models import each_model
from shared.database.reports import SCRUB, forget_place
from shared.runtime.logs import get_logger

MODELS = 50
"""Models of one query."""
PAGE = 10
"""Versions of one query: with 1,000 files each they take some 10 MB."""

log = get_logger(__name__)


async def scrub(context: Context) -> Report:
    """Look at every ready and missing version once, from where the last scrub was cut off.

    Raises the storage and database errors; the next one goes on from there.
    """
    rate = context.settings.scrub_requests_per_second
    walk = await begin_round(context, rate, SCRUB, resume=True)
    try:
        await _scrub_models(walk)
    finally:
        walk.count_repairs()
    await forget_place(context.database, SCRUB)
    counts = walk.report.model_dump(include={"records", "missing", "restored", "errors"})
    log.info("scrubbed", **counts)
    return walk.report


async def _scrub_models(walk: Round) -> None:
    buckets = await present_buckets(walk)
    after = walk.place.name or None
    async for model in each_model(walk.context.database, after=after, page=MODELS):
        async with walk.telling(f"model {model.name!r}"):
            await _scrub_model(model.name, buckets, walk)
        await walk.reached(bucket=None, name=model.name)


async def _scrub_model(model: str, buckets: set[str], walk: Round) -> None:
    number = walk.number_of(model)
    while page := await walk.context.versions.records_of(model, after=number, limit=PAGE):
        for version in page:
            walk.report.records += 1
            if version.state in ("ready", "missing") and version.storage_group in buckets:
                async with walk.telling(f"version {version.id}"):
                    await look(version, walk)
            number = version.number
            await walk.reached_number(model, number)
