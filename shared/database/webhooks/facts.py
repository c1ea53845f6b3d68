"""What versions are called and tagged, for subscriptions that are for aliases or tags."""

from collections.abc import Iterable

from shared.database.client import Database
from shared.database.collection import find_each
from shared.domain.webhooks.matching import VersionFacts


async def version_facts(database: Database, version_ids: Iterable[str]) -> dict[str, VersionFacts]:
    """Return the facts of versions by their ids, as they are now; those that are gone have none."""
    wanted = list(dict.fromkeys(version_ids))
    fields = {"aliases": 1, "tags": 1}
    return {
        found["_id"]: VersionFacts(frozenset(found.get("aliases", ())), found.get("tags", {}))
        async for found in find_each(database.versions, "_id", wanted, fields=fields)
    }
