"""First segments of keys that no model has as its name: objects that nobody declared."""

from contextlib import aclosing

from services.indexer.reconcile.pace import Round
from services.indexer.reconcile.untold import index_untold
from shared.database.models import known_models


async def walk_names(bucket: str, walk: Round) -> None:
    """Index what lies under names of no model, from the round's place on."""
    after = walk.place.name if walk.place.bucket == bucket else ""
    async with aclosing(walk.context.storage.listing.names(bucket)) as pages:
        async for page in pages:
            await walk.pace.acquire()
            # Listings are in the order of "churn/", not of "churn".
            names = [name for name in page if name > after]
            models = await known_models(
                walk.context.database, [name.removesuffix("/") for name in names]
            )
            for name in names:
                if not name.endswith("/") or name.removesuffix("/") not in models:
                    async with walk.telling(f"{name!r} in {bucket!r}"):
                        await _walk_name(bucket, name, walk)
                    await walk.reached(bucket=bucket, name=name)


async def _walk_name(bucket: str, name: str, walk: Round) -> None:
    async with aclosing(walk.context.storage.listing.pages(bucket, prefix=name)) as pages:
        async for page in pages:
            await walk.pace.acquire()
            # An object's whole key is a prefix of others, which have a name of their own.
            found = page if name.endswith("/") else [each for each in page if each.key == name]
            walk.report.objects += len(found)
            if found:
                await index_untold(bucket, found, walk)
            if found != page:
                return
