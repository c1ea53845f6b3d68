"""Models, each compared with what the buckets hold of it: no object is asked for by itself."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from services.indexer.reconcile.comparison import Window
from services.indexer.reconcile.pace import Round
from services.indexer.reconcile.presence import look
from services.indexer.reconcile.untold import index_untold
from shared.database.models import each_model
from shared.database.references import each_borrower
from shared.domain.records import PlacedVersion, VersionRecord

MODELS = 200
"""Models of one query."""
PAGE = 50
"""Versions of one query, as long as they may have 1,000 files each."""
PAGE_OF_SMALL = 200
"""Versions of one query after some that have few files."""
FEW_FILES = 10
WINDOW_ARTIFACTS = 50_000
"""Artifacts that are compared together: some 20 MB. A larger model is listed once for each."""


async def walk_models(buckets: set[str], walk: Round) -> None:
    """Compare every model with these buckets, from the round's place on."""
    after = walk.place.name or None
    async for model in each_model(walk.context.database, after=after, page=MODELS):
        async with walk.telling(f"model {model.name!r}"):
            await _walk_model(model.name, buckets, walk)
        await walk.reached(bucket=None, name=model.name)


async def _walk_model(model: str, buckets: set[str], walk: Round) -> None:
    async for window in _windows(model, walk):
        for bucket in sorted(buckets):
            async with aclosing(
                walk.context.storage.listing.versions(bucket, prefix=f"{model}/")
            ) as pages:
                async for page in pages:
                    await walk.pace.acquire()
                    walk.report.objects += sum(
                        found.is_latest and window.answers_for(found.key) for found in page
                    )
                    if untold := window.take(bucket, page):
                        await index_untold(bucket, untold, walk)
        await _look_at(window.doubtful(buckets), walk)
        if window.last is not None:
            await walk.reached_number(model, window.last)


async def _windows(model: str, walk: Round) -> AsyncGenerator[Window]:
    """Yield a model's versions in windows that bound the memory; one for most models."""
    reached = walk.number_of(model)
    first = reached + 1 if reached else 0
    artifacts = 0
    versions: list[PlacedVersion] = []
    limit = PAGE
    while page := await walk.context.versions.placed_of(model, after=reached, limit=limit):
        walk.report.records += len(page)
        versions += page
        reached = page[-1].number
        found = sum(len(version.artifacts) for version in page)
        artifacts += found
        if artifacts >= WINDOW_ARTIFACTS:
            yield Window(versions, first, reached)
            versions, first, artifacts = [], reached + 1, 0
        if len(page) < limit:
            break
        limit = PAGE_OF_SMALL if found <= len(page) * FEW_FILES else PAGE
    yield Window(versions, first, None)


async def _look_at(doubtful: Iterable[PlacedVersion], walk: Round) -> None:
    """Ask storage itself: the listing may be older than what has happened since."""
    for placed in doubtful:
        async with walk.telling(f"version {placed.id}"):
            version = await walk.context.versions.get(placed.id)
            if version is not None:
                await _look_at_all(version, walk)


async def _look_at_all(version: VersionRecord, walk: Round) -> None:
    """Look at a version, and at those that share its objects."""
    await _look_at_one(version, walk)
    # After it: once it is known to be missing, nobody begins to share what it lacks.
    if shared := [each.key for each in version.artifacts if each.references]:
        async with aclosing(each_borrower(walk.context.database, shared)) as sharing:
            async for each in sharing:
                await _look_at_one(each, walk)


async def _look_at_one(version: VersionRecord, walk: Round) -> None:
    if version.state in ("ready", "missing"):
        await look(version, walk)
