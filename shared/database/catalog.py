"""Models and versions as search reads them: all of them, those that changed, those that are named.

Versions are handed on as MongoDB has them: reading many into records takes a while, which belongs
into a thread.
"""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from datetime import datetime
from typing import Literal

from shared.database.client import Database
from shared.database.collection import Cursor, Document, find_each
from shared.database.visibility import within
from shared.domain.access.decision import EVERY_NAME

AT_ONCE = 200
"""Versions of one answer, of at most 256 KiB of metadata each, and mostly of much less."""
SEARCH = "search"
Request = Literal["check", "rebuild"]


async def every_version(database: Database) -> AsyncGenerator[list[Document]]:
    """Yield all versions that are there from the beginning to the end, in whatever order."""
    async for found in _in_lists(database.versions.find({})):
        yield found


async def versions_since(
    database: Database, model: str, sequence: int
) -> AsyncGenerator[list[Document]]:
    """Yield the versions of a model that an event behind this one tells of."""
    query: Document = {"model": model, "sequence": {"$gt": sequence}}
    async for found in _in_lists(database.versions.find(query)):
        yield found


async def versions_numbered(
    database: Database, model: str, numbers: Iterable[int]
) -> list[Document]:
    """Return the versions of a model that have these numbers; few of them."""
    query: Document = {"model": model, "number": {"$in": sorted(numbers)}}
    return await database.versions.find(query).to_list()


async def versions_with_ids(database: Database, ids: Iterable[str]) -> list[Document]:
    """Return the versions with these ids."""
    return [found async for found in find_each(database.versions, "_id", ids)]


async def versions_above(database: Database, model: str, number: int) -> list[Document]:
    """Return the next versions of a model above a number, as many as are read at once."""
    query: Document = {"model": model, "number": {"$gt": number}}
    return await database.versions.find(query).sort([("number", 1)]).limit(AT_ONCE).to_list()


async def models_named(database: Database, names: Iterable[str]) -> dict[str, Document]:
    """Return the documents of these models, by name."""
    return {found["_id"]: found async for found in find_each(database.models, "_id", names)}


async def models_after(database: Database, name: str | None, limit: int) -> list[Document]:
    """Return the documents of the next models behind a name."""
    query = within(EVERY_NAME, "_id", after=name)
    return await database.models.find(query).sort([("_id", 1)]).limit(limit).to_list()


async def moved_aliases(database: Database, model: str, sequence: int) -> dict[str, int | None]:
    """Return the aliases of a model that moved behind an event, and where each points now."""
    query: Document = {"model": model, "sequence": {"$gt": sequence}}
    found = await database.aliases.find(query).to_list()
    return {each["alias"]: each["to_number"] for each in found}


async def requested_at(database: Database) -> dict[str, datetime]:
    """Return when an operator last wanted search to be checked, and to be made anew."""
    found = await database.reports.find_one({"_id": SEARCH})
    return {name: found[name] for name in found if name != "_id"} if found else {}


async def request(database: Database, what: Request) -> datetime:
    """Have each query service check its search, or make it anew; returns when it was asked."""
    now = await database.now()
    await database.reports.update_one({"_id": SEARCH}, {"$set": {what: now}}, upsert=True)
    return now


async def _in_lists(cursor: Cursor) -> AsyncGenerator[list[Document]]:
    waiting: list[Document] = []
    async with aclosing(aiter(cursor.in_batches_of(AT_ONCE))) as documents:
        async for found in documents:
            waiting.append(found)
            if len(waiting) == AT_ONCE:
                yield waiting
                waiting = []
    if waiting:
        yield waiting
