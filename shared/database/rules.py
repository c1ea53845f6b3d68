"""Rules of models and namespaces: one document for each scope, with its last change.

Whoever moves an alias reads them in the transaction of the move. A change of a model's own rules
writes the model's counters, as the move does: of the two at once one is done anew, and sees the
other. A change of a namespace's rules counts for each transaction that begins after it.
"""

from collections.abc import Iterable
from datetime import datetime

from shared.database.client import Database
from shared.database.collection import Transaction, find_each
from shared.database.errors import DuplicateKey
from shared.database.models import ModelChange, change_models, read_counters
from shared.database.outbox import put_events
from shared.database.records import newest_record
from shared.database.transactions import Overtaken
from shared.domain.aliases import Condition
from shared.domain.errors import NotFound
from shared.domain.events import namespace_event, rules_event
from shared.domain.rules import (
    Effective,
    Rules,
    RulesRecord,
    effective,
    require_condition,
    rules_not_found,
    scopes_of,
)


async def find_rules(database: Database, scope: str) -> RulesRecord | None:
    """Return the last change of a scope's rules, also where it removed them."""
    found = await database.rules.find_one({"_id": scope})
    return RulesRecord.model_validate(found) if found else None


async def read_effective(
    database: Database, model: str, transaction: Transaction | None = None
) -> Effective:
    """Return what applies to a model now."""
    return (await read_effective_of(database, [model], transaction))[model]


async def read_effective_of(
    database: Database, models: Iterable[str], transaction: Transaction | None = None
) -> dict[str, Effective]:
    """Return what applies to each of the models now."""
    names = list(dict.fromkeys(models))
    scopes = dict.fromkeys(scope for name in names for scope in scopes_of(name))
    records = {
        found["_id"]: RulesRecord.model_validate(found)
        async for found in find_each(database.rules, "_id", scopes, transaction)
    }
    return {
        name: effective(name, [records[each] for each in scopes_of(name) if each in records])
        for name in names
    }


async def change_model_rules(
    database: Database, model: str, rules: Rules | None, condition: Condition, *, by: str
) -> RulesRecord:
    """Set a model's own rules, or remove them with None, and tell it in the model's sequence.

    Where they are so already, nothing is changed. Raises NotFound "model_not_found" and
    "rules_not_found", PreconditionFailed, DatabaseContended and DatabaseUnavailable.
    """

    async def change_it(transaction: Transaction) -> RulesRecord:
        known = await _known(database, model, transaction)
        if known is not None and known.rules == rules:
            return known
        counters = (await read_counters(database, [model], transaction))[model]
        newest = await newest_record(database, model, transaction)
        if newest is None:
            raise NotFound("model_not_found", f"there is no model {model!r}")
        sequence, now = counters.sequence + 1, await database.now()
        change = _next(known, model, rules, condition, by=by, at=now, sequence=sequence)
        await change_models(database, [ModelChange(model, events=1)], transaction)
        await _put(database, change, transaction)
        event = rules_event(change, newest, database.event_source)
        await put_events(database, [event], transaction)
        return change

    return await database.transaction(change_it, turn=model)


async def change_namespace_rules(
    database: Database, scope: str, rules: Rules | None, condition: Condition, *, by: str
) -> RulesRecord:
    """Set the rules of a namespace or of all models, or remove them with None, and tell it.

    The event has a sequence of the scope's own: its revision. Where they are so already, nothing is
    changed. Raises NotFound "rules_not_found", PreconditionFailed, DatabaseContended and
    DatabaseUnavailable.
    """

    async def change_it(transaction: Transaction) -> RulesRecord:
        known = await _known(database, scope, transaction)
        if known is not None and known.rules == rules:
            return known
        now, sequence = await database.now(), known.revision + 1 if known is not None else 1
        change = _next(known, scope, rules, condition, by=by, at=now, sequence=sequence)
        await _put(database, change, transaction)
        event = namespace_event(change, database.event_source)
        await put_events(database, [event], transaction)
        return change

    return await database.transaction(change_it, turn=scope)


def _next(
    known: RulesRecord | None,
    scope: str,
    rules: Rules | None,
    condition: Condition,
    *,
    by: str,
    at: datetime,
    sequence: int,
) -> RulesRecord:
    require_condition(condition, known, scope)
    if known is None and rules is None:
        raise rules_not_found(scope)
    revision = known.revision + 1 if known is not None else 1
    return RulesRecord(scope=scope, revision=revision, at=at, by=by, rules=rules, sequence=sequence)


async def _known(database: Database, scope: str, transaction: Transaction) -> RulesRecord | None:
    found = await database.rules.find_one({"_id": scope}, transaction=transaction)
    return RulesRecord.model_validate(found) if found else None


async def _put(database: Database, change: RulesRecord, transaction: Transaction) -> None:
    document = change.model_dump(by_alias=True)
    try:
        await database.rules.replace_one(
            {"_id": change.scope}, document, upsert=True, transaction=transaction
        )
    except DuplicateKey as error:  # another sets the first ones at this moment
        raise Overtaken(str(error)) from error
