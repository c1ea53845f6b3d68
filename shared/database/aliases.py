"""Aliases: where each points, and all its moves; `alias_moves` makes them.

A version's document names the aliases that point at it, so that a lookup by alias is one query, as
one by number. `aliases` has the last move of each alias, also of one that was removed, and
`alias_history` has all of them.
"""

from datetime import datetime

from shared.database.client import Database
from shared.database.collection import Document, Transaction
from shared.database.errors import DuplicateKey
from shared.database.transactions import Overtaken
from shared.domain.aliases import MoveRecord

_POINTING: Document = {"to_number": {"$gt": 0}}
"""Aliases that point somewhere, as their index has them: not those that were removed."""


async def find_alias(database: Database, model: str, alias: str) -> MoveRecord | None:
    """Return the last move of an alias; None where it never was."""
    return move_of(await database.aliases.find_one({"_id": _id(model, alias)}))


async def find_alias_at(
    database: Database, model: str, alias: str, at: datetime
) -> MoveRecord | None:
    """Return the last move of an alias up to a moment, that moment included."""
    query: Document = {"model": model, "alias": alias, "at": {"$lte": at}}
    return move_of(await database.alias_history.find_one(query, sort=[("at", -1)]))


async def list_aliases(
    database: Database, model: str, *, after: str | None, limit: int
) -> list[MoveRecord]:
    """Return up to `limit` aliases of a model that point somewhere, in order of their names."""
    query: Document = {"model": model, **_POINTING}
    if after is not None:
        query["alias"] = {"$gt": after}
    found = database.aliases.find(query).sort([("alias", 1)]).limit(limit)
    return [_read(each) for each in await found.to_list()]


async def count_aliases(database: Database, model: str, transaction: Transaction) -> int:
    """Return how many aliases of a model point somewhere, as the transaction sees it."""
    query: Document = {"model": model, **_POINTING}
    return await database.aliases.count_documents(query, transaction=transaction)


async def list_moves(
    database: Database, model: str, alias: str, *, before: int | None, limit: int
) -> list[MoveRecord]:
    """Return up to `limit` moves of an alias below a revision, the newest first."""
    query: Document = {"model": model, "alias": alias}
    if before is not None:
        query["revision"] = {"$lt": before}
    found = database.alias_history.find(query).sort([("revision", -1)]).limit(limit)
    return [_read(each) for each in await found.to_list()]


async def find_move(
    database: Database,
    model: str,
    alias: str,
    revision: int,
    transaction: Transaction | None = None,
) -> MoveRecord | None:
    """Return one move of an alias."""
    query = {"_id": move_id(model, alias, revision)}
    return move_of(await database.alias_history.find_one(query, transaction=transaction))


async def last_move(
    database: Database, model: str, alias: str, transaction: Transaction
) -> MoveRecord | None:
    """Return the last move of an alias, as the transaction sees it; None where it never was."""
    query = {"_id": _id(model, alias)}
    return move_of(await database.aliases.find_one(query, transaction=transaction))


async def put_alias(database: Database, move: MoveRecord, transaction: Transaction) -> None:
    """Keep a move as the last one of its alias; raises Overtaken where another makes it now."""
    query = {"_id": _id(move.model, move.alias)}
    try:
        await database.aliases.replace_one(
            query, {**query, **move.model_dump()}, upsert=True, transaction=transaction
        )
    except DuplicateKey as error:
        raise Overtaken(str(error)) from error


def move_document(move: MoveRecord) -> Document:
    """Return the document of a move in the history."""
    return {"_id": move_id(move.model, move.alias, move.revision), **move.model_dump()}


def move_id(model: str, alias: str, revision: int) -> str:
    """Return the id of a move's document; neither name has an @."""
    return f"{_id(model, alias)}@{revision}"


def _id(model: str, alias: str) -> str:
    return f"{model}@{alias}"


def move_of(found: Document | None) -> MoveRecord | None:
    """Return a move as its document has it."""
    return _read(found) if found else None


def _read(found: Document) -> MoveRecord:
    # Its id only repeats what the record says.
    return MoveRecord.model_validate({name: found[name] for name in found if name != "_id"})
