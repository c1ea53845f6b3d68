"""Edges made anew from the links of versions: idempotent, and safe beside live services."""

from shared.database.bulk import insert_missing
from shared.database.client import Database
from shared.database.lineage import edges_of
from shared.database.versions import Versions

PAGE = 200


async def restore_edges(database: Database, model: str) -> int:
    """Write the edges that a model's versions lack; returns how many. Raises DatabaseUnavailable.

    One that a live service takes away in this moment may stay: readers see that its child has no
    such link.
    """
    lacking = 0
    number: int | None = None
    versions = Versions(database)
    while page := await versions.records_below(model, before=number, limit=PAGE):
        edges = (edge for record in page for edge in edges_of(record))
        lacking += await insert_missing(database.edges, edges)
        number = page[-1].number
    return lacking
