"""Aliases made anew from their moves: idempotent, and safe beside live services."""

from collections.abc import Sequence

from pymongo import UpdateMany, UpdateOne

from shared.database.aliases import last_move, list_moves, move_document, put_alias
from shared.database.bulk import insert_missing
from shared.database.client import Database
from shared.database.collection import Document, Transaction
from shared.domain.aliases import MoveRecord


async def restore_moves(database: Database, moves: Sequence[MoveRecord]) -> int:
    """Write the moves that the history lacks; returns how many. Raises DatabaseUnavailable."""
    return await insert_missing(database.alias_history, map(move_document, moves))


async def restore_alias(database: Database, model: str, alias: str) -> bool:
    """Let an alias point where its newest move says; True where it pointed elsewhere, or nowhere.

    Raises DatabaseUnavailable.
    """
    [newest] = await list_moves(database, model, alias, before=None, limit=1)

    async def restore_it(transaction: Transaction) -> bool:
        known = await last_move(database, model, alias, transaction)
        if known is None or known.revision < newest.revision:
            await put_alias(database, newest, transaction)
            known = newest
        return await _name_on_version(database, known, transaction)

    return await database.transaction(restore_it, turn=model)


async def _name_on_version(database: Database, now: MoveRecord, transaction: Transaction) -> bool:
    """Let the version that the alias points at, and no other, name it."""
    model, alias, number = now.model, now.alias, now.to_number
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
