"""Lineage: what versions were made from, changed in transactions, and read both ways.

A version's document has its links, which are the truth. `edges` has one document for each version
and each of its parents that is here, so that children are found by an index; readers hold what it
tells against the child's own links.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import aclosing

from pymongo import DeleteOne, UpdateOne

from registry.schemas.links import Link
from shared.database.announcing import VersionChange, announce
from shared.database.client import Database
from shared.database.collection import Document, Transaction, find_each, portions
from shared.database.errors import DuplicateKey
from shared.database.models import read_counters
from shared.database.records import read_record
from shared.database.transactions import Overtaken
from shared.domain.errors import Conflict
from shared.domain.lineage.links import LinkedVersion, lineage_cycle, parent_ids
from shared.domain.records import VersionRecord

Decide = Callable[[VersionRecord], list[Link]]
"""Given the version as it is, returns the links that it shall have; it raises what refuses them."""

MAX_ANCESTORS = 2000
"""Ancestors that are looked at before a parent is added to a version that is there already."""
_ADDITIONS = "additions"
"""Id of the document in `edges` that every addition of parents to such versions changes."""
_LINKED: Document = dict.fromkeys(
    ("model", "number", "label", "state", "created_at", "ready_at", "lineage"), 1
)
_EDGES_AT_ONCE = 1000
"""Edges of one answer of the server."""
_PARENTS: Document = {"lineage.version_id": 1}


async def change_links(
    database: Database, version_id: str, decide: Decide, *, adds_parents: bool
) -> VersionRecord | None:
    """Change what a version was made from, and tell it; None where there is no such version.

    With `adds_parents` no parent may have been made from the version, however many do this at once:
    each changes one document, so that of two at one moment the second one begins anew and sees what
    the first one wrote. Where nothing is new, nothing is changed. Raises what `decide` raises,
    Conflict "lineage_cycle" and "lineage_too_large", DatabaseContended and DatabaseUnavailable.
    """

    async def change_it(transaction: Transaction) -> VersionRecord | None:
        if adds_parents:
            await _take_turn(database, transaction)
        before = await read_record(database, {"_id": version_id}, transaction)
        if before is None:
            return None
        links = decide(before)
        if links == before.lineage:
            return before
        then, now = parent_ids(before.lineage), parent_ids(links)
        if added := [each for each in now if each not in then]:
            await _require_no_cycle(database, before, added, transaction)
        after = before.model_copy(update={"lineage": links})
        change = VersionChange(before, after, "registry.version.lineage.v1")
        counters = await read_counters(database, [before.model], transaction)
        [record] = await announce(database, [change], counters, transaction)
        await _change_edges(database, record, then, transaction)
        return record

    return await database.transaction(change_it, turn=_ADDITIONS if adds_parents else None)


async def insert_edges(
    database: Database, opened: Iterable[VersionRecord], transaction: Transaction
) -> None:
    """Write the edges of versions that are new in this transaction.

    Nobody can name them before it ends, so whatever parents they have, nothing leads back to them.
    """
    edges = [edge for record in opened for edge in edges_of(record)]
    if edges:
        await database.edges.insert_many(edges, transaction=transaction)


async def read_linked(database: Database, version_ids: Iterable[str]) -> dict[str, LinkedVersion]:
    """Return the versions with these ids, as graphs tell of them."""
    return {
        found["_id"]: LinkedVersion.model_validate({**found, "id": found["_id"]})
        async for found in find_each(database.versions, "_id", version_ids, fields=_LINKED)
    }


async def children_of(
    database: Database, version_ids: Collection[str], *, limit: int
) -> tuple[list[LinkedVersion], bool]:
    """Return up to `limit` versions that were made from any of these, and whether there are more.

    Raises DatabaseUnavailable.
    """
    child_ids: dict[str, None] = {}
    async with aclosing(_edges_to(database, version_ids)) as edges:
        async for found in edges:
            child_ids[found["child_id"]] = None
            if len(child_ids) > limit:
                break
    chosen = list(child_ids)[:limit]
    parents = set(version_ids)
    children = await read_linked(database, chosen)
    true = [each for each in children.values() if parents & set(parent_ids(each.lineage))]
    return true, len(child_ids) > limit


async def _edges_to(database: Database, version_ids: Iterable[str]) -> AsyncGenerator[Document]:
    """Yield the edges to these versions; several may be of one child, which has 100 at most."""
    for portion in portions(version_ids):
        query: Document = {"parent_id": {"$in": portion}}
        found = database.edges.find(query, {"child_id": 1})
        found.sort([("parent_id", 1), ("_id", 1)]).in_batches_of(_EDGES_AT_ONCE)
        async with aclosing(aiter(found)) as edges:
            async for each in edges:
                yield each


def edges_of(record: VersionRecord) -> list[Document]:
    """Return the documents of a version's edges."""
    return [_edge(record.id, parent_id) for parent_id in parent_ids(record.lineage)]


def _edge(child_id: str, parent_id: str) -> Document:
    return {"_id": f"{child_id}/{parent_id}", "child_id": child_id, "parent_id": parent_id}


async def _take_turn(database: Database, transaction: Transaction) -> None:
    """Make this transaction conflict with all others that add parents."""
    try:
        await database.edges.update_one(
            {"_id": _ADDITIONS}, {"$inc": {"count": 1}}, upsert=True, transaction=transaction
        )
    except DuplicateKey as error:  # another was the first one at this moment
        raise Overtaken(str(error)) from error


async def _require_no_cycle(
    database: Database, child: VersionRecord, parents: Sequence[str], transaction: Transaction
) -> None:
    """Go up from the parents, all of one generation at a time; raises Conflict.

    Raises Overtaken where it does not see one of them: what that was made from is not known then.
    """
    seen = set(parents)
    generation: Sequence[str] = parents
    while generation:
        if child.id in seen:
            raise lineage_cycle(child)
        if len(seen) > MAX_ANCESTORS:
            detail = f"the parents have more than {MAX_ANCESTORS} ancestors: name them at upload"
            raise Conflict("lineage_too_large", detail)
        read, above = set[str](), dict[str, None]()
        async for found in find_each(
            database.versions, "_id", generation, transaction, fields=_PARENTS
        ):
            read.add(found["_id"])
            for link in found.get("lineage", ()):
                if (parent_id := link.get("version_id")) is not None:
                    above[parent_id] = None
        if generation is parents and len(read) < len(parents):
            raise Overtaken("a parent is newer than what this transaction sees")
        generation = [each for each in above if each not in seen]
        seen.update(generation)


async def _change_edges(
    database: Database, record: VersionRecord, then: Sequence[str], transaction: Transaction
) -> None:
    now = parent_ids(record.lineage)
    changes = [
        *(DeleteOne({"_id": _edge(record.id, each)["_id"]}) for each in then if each not in now),
        *(
            UpdateOne({"_id": edge["_id"]}, {"$setOnInsert": edge}, upsert=True)
            for edge in edges_of(record)
            if edge["parent_id"] not in then
        ),
    ]
    if changes:
        await database.edges.bulk_write(changes, transaction=transaction)
