"""Moves of aliases, one transaction each: the place, its history, the versions and the event."""

from collections.abc import Callable

from pymongo import UpdateOne

from shared.database.aliases import (
    count_aliases,
    find_move,
    last_move,
    move_document,
    move_of,
    put_alias,
)
from shared.database.client import Database
from shared.database.collection import Document, Transaction
from shared.database.errors import DuplicateKey
from shared.database.models import ModelChange, change_models, read_counters
from shared.database.outbox import put_events
from shared.database.records import read_record
from shared.database.rules import read_effective
from shared.database.transactions import Overtaken
from shared.database.unchanged import find_unchanged, keep_unchanged
from shared.domain.aliases import Mover, MoveRecord, next_move, require_room
from shared.domain.events import alias_event
from shared.domain.records import VersionRecord
from shared.domain.repeats import UnchangedRecord, require_same
from shared.domain.rules import Effective

Decide = Callable[[MoveRecord | None], int | None]
"""Given an alias's last move, returns the number that it shall point at, or None to remove it; it
raises what refuses the move."""
Accept = Callable[[VersionRecord], None]
"""Raises what refuses the version as a target."""
Permit = Callable[[Effective], None]
"""Raises what refuses the move under the rules that apply to the model."""


async def move_alias(
    database: Database,
    model: str,
    alias: str,
    decide: Decide,
    accept: Accept,
    mover: Mover,
    permit: Permit | None = None,
) -> MoveRecord:
    """Move an alias, and tell it: its place, its history, the model's sequence and the event.

    Where it points there already, nothing is changed, and its last move returned; where the key
    was used before, the move that it made or found. Raises what `decide`, `permit` and `accept`
    raise, Conflict "too_many_aliases", IdempotencyKeyReused, DatabaseContended and
    DatabaseUnavailable.
    """

    async def move_it(transaction: Transaction) -> MoveRecord:
        if made := await _made_by(database, (model, alias), mover, transaction):
            return made
        before = await last_move(database, model, alias, transaction)
        number = decide(before)
        if before is not None and before.to_number == number:
            await _keep_unchanged(database, before, mover, transaction)
            return before
        if permit is not None:
            permit(await read_effective(database, model, transaction))
        return await make_move(database, (model, alias), before, number, accept, mover, transaction)

    return await database.transaction(move_it, turn=model)


async def make_move(
    database: Database,
    name: tuple[str, str],
    before: MoveRecord | None,
    number: int | None,
    accept: Accept,
    mover: Mover,
    transaction: Transaction,
) -> MoveRecord:
    """Let an alias, by its model and name, point at a version, or with None nowhere.

    `before` is its last move, as the transaction has read it, and led elsewhere. Raises what
    `accept` raises, and Conflict "too_many_aliases".
    """
    model, alias = name
    target = number if number is not None else _required(before).to_number
    version = await read_version(database, model, target, transaction)
    if number is not None:
        accept(version)
        if before is None or before.to_number is None:
            require_room(model, await count_aliases(database, model, transaction))
    counters = await read_counters(database, [model], transaction)
    move = next_move(
        before,
        alias,
        version,
        mover,
        is_removal=number is None,
        at=await database.now(),
        sequence=counters[model].sequence + 1,
    )
    await _write(database, move, version, transaction)
    return move


def _required(before: MoveRecord | None) -> MoveRecord:
    assert before is not None, "what never was is not removed"  # noqa: S101 - `decide` says so
    return before


async def _made_by(
    database: Database, name: tuple[str, str], mover: Mover, transaction: Transaction
) -> MoveRecord | None:
    """Return the move that a request made before, or that it found as it asks for."""
    if mover.key is None:
        return None
    found = await database.alias_history.find_one({"key": mover.key}, transaction=transaction)
    if (made := move_of(found)) is not None:
        require_same(made.request, mover.request)
        return made
    unchanged = await find_unchanged(database, mover.key, mover.request, transaction)
    if unchanged is None:
        return None
    return await find_move(database, *name, unchanged.revision, transaction)


async def _keep_unchanged(
    database: Database, found: MoveRecord, mover: Mover, transaction: Transaction
) -> None:
    record = UnchangedRecord(request=mover.request, number=found.to_number, revision=found.revision)
    await keep_unchanged(database, mover.key, record, transaction)


async def read_version(
    database: Database, model: str, number: int | None, transaction: Transaction
) -> VersionRecord:
    """Return a version by its number, as the transaction sees it; raises Overtaken without one."""
    query: Document = {"model": model, "number": number}
    found = await read_record(database, query, transaction)
    if found is None:
        raise Overtaken(f"version {number} of model {model!r} is gone meanwhile")
    return found


async def _write(
    database: Database, move: MoveRecord, version: VersionRecord, transaction: Transaction
) -> None:
    # 1. The model: whoever changes one of its versions meanwhile makes this a conflict, so that
    #    the version is still ready when it is pointed at.
    await change_models(database, [ModelChange(move.model, events=1)], transaction)
    # 2. The versions: the one that the alias leaves first, since no two may have it.
    changes = [
        UpdateOne({"model": move.model, "aliases": move.alias}, {"$pull": {"aliases": move.alias}})
    ]
    if move.to_number is not None:
        named = {"$addToSet": {"aliases": move.alias}}
        changes.append(UpdateOne({"_id": version.id}, named))
    await database.versions.bulk_write(changes, transaction=transaction)
    # 3. Where it points, and that it came to.
    await put_alias(database, move, transaction)
    try:
        await database.alias_history.insert_one(move_document(move), transaction=transaction)
    except DuplicateKey as error:  # the same request made it at this moment
        raise Overtaken(str(error)) from error
    # 4. The event.
    event = alias_event(move, version, database.event_source)
    await put_events(database, [event], transaction)
