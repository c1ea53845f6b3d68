"""Aliases made anew from their moves: idempotent, and safe beside live services."""

from collections.abc import Sequence

from pymongo import UpdateMany, UpdateOne

from shared.database.aliases import alias_document, find_alias, list_moves, move_document
from shared.database.client import Database
from shared.database.collection import Document, Transaction, upsert_each
from shared.domain.aliases import MoveRecord


async def restore_moves(database: Database, moves: Sequence[MoveRecord]) -> int:
    """Write the moves that the history lacks; returns how many. Raises DatabaseUnavailable."""
    changes: list[UpdateOne] = []
    for move in moves:
        document = move_document(move)
        changes.append(
            UpdateOne({"_id": document.pop("_id")}, {"$setOnInsert": document}, upsert=True)
        )
    return len(await upsert_each(database.alias_history, changes))


async def restore_alias(database: Database, model: str, alias: str) -> bool:
    """Let an alias point where its newest move says; True where it pointed elsewhere, or nowhere.

    Raises DatabaseUnavailable.
    """
    [newest] = await list_moves(database, model, alias, before=None, limit=1)
    known = await find_alias(database, model, alias)

    async def restore_it(transaction: Transaction) -> bool:
        document = alias_document(newest)
        older: Document = {"_id": document["_id"], "revision": {"$lt": newest.revision}}
        if known is None:
            await database.aliases.update_one(
                {"_id": document.pop("_id")},
                {"$setOnInsert": document},
                upsert=True,
                transaction=transaction,
            )
        else:
            await database.aliases.replace_one(older, document, transaction=transaction)
        return await _name_on_version(database, model, alias, transaction)

    return await database.transaction(restore_it, turn=model)


async def _name_on_version(
    database: Database, model: str, alias: str, transaction: Transaction
) -> bool:
    """Let the version that the alias points at, and no other, name it."""
    now = await database.aliases.find_one({"model": model, "alias": alias}, transaction=transaction)
    number = now["to_number"] if now else None
    others: Document = {"model": model, "aliases": alias, "number": {"$ne": number}}
    right: Document = {"model": model, "number": number, "aliases": {"$ne": alias}}
    result = await database.versions.bulk_write(
        [
            UpdateMany(others, {"$pull": {"aliases": alias}}),
            UpdateOne(right, {"$addToSet": {"aliases": alias}}),
        ],
        transaction=transaction,
    )
    return result.modified_count > 0
