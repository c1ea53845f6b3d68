"""Registered models: their counters, and what users see of them."""

from collections.abc import AsyncGenerator, Sequence
from collections.abc import Collection as Names
from dataclasses import dataclass
from datetime import datetime

from pymongo import UpdateOne

from registry.schemas import Model, ModelDescription
from shared.database.client import Database
from shared.database.collection import Document, Transaction, find_each
from shared.database.errors import DuplicateKey
from shared.database.pages import bounded_page
from shared.database.transactions import Overtaken
from shared.database.visibility import within
from shared.domain.access.decision import EVERY_NAME, NameFilter
from shared.domain.errors import Conflict

_UNSAID: Document = {"description": 0, "tags": 0}
_RACES = 5
"""Tries at making a model that others make at the same moment; one of them wins each time."""


@dataclass(frozen=True, slots=True)
class Counters:
    """A model's counters, as a transaction has read them; zeros where it is not there."""

    sequence: int = 0
    """Number of its last event."""
    next_number: int = 0
    """The highest version number that was given."""
    untold: "Untold | None" = None
    """What was said of the model before it had a version, which no event has told of."""


@dataclass(frozen=True, slots=True)
class Untold:
    """What is said of a model that was made without a version, and by whom."""

    said: ModelDescription
    by: str


@dataclass(frozen=True, slots=True)
class ModelChange:
    """What a transaction changes of one model."""

    name: str
    events: int
    """How many more events it has."""
    opened: int = 0
    """How many more versions it has."""
    highest_number: int | None = None
    """The highest number of these versions."""
    highest_ready: int | None = None
    """The highest number of the versions that are ready now."""
    since: datetime | None = None
    """When the oldest of these versions was opened; the model is made where it is not there."""


async def find_model(database: Database, name: str) -> Model | None:
    """Return a registered model."""
    found = await database.models.find_one({"_id": name})
    return model_of(found) if found else None


async def make_model(database: Database, name: str, said: ModelDescription, by: str) -> Model:
    """Make a model without a version.

    No event tells of it, since each tells of a version: what is said of it is told with its first
    one. Raises Conflict "model_exists", DatabaseUnavailable.
    """
    document: Document = {
        "_id": name,
        "sequence": 0,
        "version_count": 0,
        "latest_number": None,
        "created_at": await database.now(),
        **said.model_dump(),
        "said_by": by,
    }
    try:
        await database.models.insert_one(document)
    except DuplicateKey as error:
        raise Conflict("model_exists", f"model {name!r} exists already") from error
    return model_of(document)


async def page_of_models(
    database: Database, names: NameFilter, *, after: str | None, limit: int, max_bytes: int
) -> tuple[list[Model], bool]:
    """Return models of these names that sort after `after`, and whether more follow.

    Up to `limit` of them, and no further one once their JSON is over `max_bytes`.
    """
    cursor = database.models.find(within(names, "_id", after=after)).sort([("_id", 1)])
    return await bounded_page(cursor, model_of, limit=limit, max_bytes=max_bytes)


async def each_model(database: Database, *, after: str | None, page: int) -> AsyncGenerator[Model]:
    """Yield all models whose names sort after `after`, without what is said of them.

    They are read by pages of this size.
    """
    while models := await _unsaid(database, after, page):
        for model in models:
            yield model
        after = models[-1].name


async def known_models(database: Database, names: Names[str]) -> set[str]:
    """Return those of the names that are registered models."""
    return {found["_id"] async for found in find_each(database.models, "_id", names)}


async def read_counters(
    database: Database, names: Names[str], transaction: Transaction
) -> dict[str, Counters]:
    """Return the counters of each model."""
    found = {
        model["_id"]: Counters(model["sequence"], model.get("next_number", 0), _untold(model))
        async for model in find_each(database.models, "_id", names, transaction)
    }
    return {name: found.get(name, Counters()) for name in names}


async def change_models(
    database: Database, changes: Sequence[ModelChange], transaction: Transaction
) -> None:
    """Count on; whoever changed one of these models meanwhile makes the transaction run again."""
    # In one order everywhere, so that two of many models meet at the first they have in common.
    ordered = sorted(changes, key=lambda change: change.name)
    updates = [
        UpdateOne({"_id": each.name}, _update(each), upsert=each.since is not None)
        for each in ordered
    ]
    try:
        await database.models.bulk_write(updates, transaction=transaction)
    except DuplicateKey as error:  # another made the model at this moment
        raise Overtaken(str(error)) from error


async def set_latest(database: Database, model: str, transaction: Transaction) -> None:
    """Let "latest" stand for the highest version that is ready in this transaction."""
    latest = {"latest_number": await newest_ready(database, model, transaction)}
    await database.models.update_one({"_id": model}, {"$set": latest}, transaction=transaction)


async def newest_ready(database: Database, model: str, transaction: Transaction) -> int | None:
    """Return the highest number of a model's ready versions that are not archived."""
    newest = await database.versions.find_one(
        {"model": model, "state": "ready", "archived_at": None},
        {"number": 1},
        sort=[("number", -1)],
        transaction=transaction,
    )
    return newest["number"] if newest else None


async def raise_counters(
    database: Database, model: str, *, number: int, sequence: int, created_at: datetime
) -> None:
    """Have the model's counters at least there, before anybody counts on from lower ones.

    A model that is not there is made. Raises DatabaseUnavailable.
    """
    change: Document = {
        "$max": {"next_number": number, "sequence": sequence},
        "$setOnInsert": {"version_count": 0, "latest_number": None, "created_at": created_at},
    }
    for races_left in reversed(range(_RACES)):
        try:
            await database.models.update_one({"_id": model}, change, upsert=True)
        except DuplicateKey:  # another made the model at this moment
            if not races_left:
                raise
        else:
            return


async def _unsaid(database: Database, after: str | None, limit: int) -> list[Model]:
    query = within(EVERY_NAME, "_id", after=after)
    cursor = database.models.find(query, _UNSAID).sort([("_id", 1)]).limit(limit)
    return [model_of(found) for found in await cursor.to_list()]


def _untold(model: Document) -> Untold | None:
    if model["sequence"] or not (model.get("description") or model.get("tags")):
        return None
    said = {name: model[name] for name in ModelDescription.model_fields if name in model}
    return Untold(ModelDescription.model_validate(said), model.get("said_by", ""))


def _update(change: ModelChange) -> Document:
    update: Document = {"$inc": {"sequence": change.events, "version_count": change.opened}}
    highest = {"next_number": change.highest_number, "latest_number": change.highest_ready}
    if raised := {field: number for field, number in highest.items() if number is not None}:
        update["$max"] = raised
    if change.since is not None:
        update["$min"] = {"created_at": change.since}
        if change.highest_ready is None:
            update["$setOnInsert"] = {"latest_number": None}
    return update


def model_of(document: Document) -> Model:
    """Return a model's document as users see it."""
    return Model.model_validate({**document, "name": document["_id"]})
