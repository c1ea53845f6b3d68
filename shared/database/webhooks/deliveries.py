"""Deliveries: recorded once for each event and subscription, settled, listed and made anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pymongo import UpdateOne

from registry.schemas.webhooks import DeliveryState
from shared.database.bulk import slices, upsert_each
from shared.database.client import Database
from shared.database.collection import Document
from shared.database.pages import Place, newest_first, older_than
from shared.database.visibility import within
from shared.domain.access.decision import NameFilter
from shared.domain.webhooks.records import (
    KEPT_ATTEMPTS,
    AttemptRecord,
    DeliveryRecord,
    queue_of,
)

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_WITHOUT_BODY = {"body": 0}


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries of a subscription are wanted; None: whatever they have."""

    names: NameFilter
    """Models that the caller may be told of."""
    states: Sequence[DeliveryState] = ()
    event_id: str | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Before this moment."""
    from_sequence: int | None = None
    to_sequence: int | None = None
    """Included."""


async def record_deliveries(database: Database, deliveries: Sequence[DeliveryRecord]) -> None:
    """Keep deliveries that wait, each once, and have their queues looked at; may be repeated.

    Those of a queue are written in their order, so that none is sent before an earlier one.
    """
    await upsert_each(database.deliveries, [_recorded(each) for each in deliveries])
    await push(database, deliveries)


async def push(database: Database, deliveries: Sequence[DeliveryRecord]) -> None:
    """Have the queues of deliveries, which are written by then; may be repeated."""
    queues = {queue_of(each.subscription, each.model): each for each in deliveries}
    now = await database.now()
    pushes = [
        UpdateOne(
            {"_id": queue},
            {
                "$inc": {"pushed": 1},
                "$setOnInsert": {
                    "subscription": each.subscription,
                    "model": each.model,
                    "due_at": now,
                    "token": None,
                },
            },
            upsert=True,
        )
        for queue, each in queues.items()
    ]
    await upsert_each(database.delivery_queues, pushes)


def _recorded(delivery: DeliveryRecord) -> UpdateOne:
    fields = delivery.model_dump(by_alias=True, exclude={"id"})
    return UpdateOne({"_id": delivery.id}, {"$setOnInsert": fields}, upsert=True)


async def waiting_in(database: Database, queue: str, limit: int) -> list[DeliveryRecord]:
    """Return the first deliveries that wait in a queue, in their order."""
    found = database.deliveries.find({"waiting_in": queue}).sort([("sequence", 1)]).limit(limit)
    return [DeliveryRecord.model_validate(each) for each in await found.to_list()]


async def note_attempt(
    database: Database, delivery: DeliveryRecord, attempt: AttemptRecord
) -> None:
    """Keep an attempt that failed, by the tries of the delivery that is given; it waits on."""
    first = delivery.first_attempt_at or attempt.at
    begun = {"first_attempt_at": first, "tries": delivery.tries + 1}
    change = {**_tried(attempt), "$set": begun}
    await database.deliveries.update_one({"_id": delivery.id, "state": "waiting"}, change)


async def settle(
    database: Database,
    delivery: DeliveryRecord,
    state: DeliveryState,
    at: datetime,
    attempt: AttemptRecord | None = None,
) -> None:
    """Take a delivery out of its queue, and keep what became of it."""
    change: Document = {
        "$set": {"state": state, "settled_at": at},
        "$unset": {"waiting_in": ""},
        **(_tried(attempt) if attempt is not None else {}),
    }
    await database.deliveries.update_one({"_id": delivery.id, "state": "waiting"}, change)


def _tried(attempt: AttemptRecord) -> Document:
    pushed = {"$each": [attempt.model_dump()], "$slice": -KEPT_ATTEMPTS}
    return {"$push": {"attempts": pushed}, "$inc": {"attempt_count": 1}}


async def list_deliveries(
    database: Database,
    subscription: str,
    wanted: DeliveryFilter,
    *,
    before: Place | None,
    limit: int,
    oldest_first: bool = False,
) -> list[DeliveryRecord]:
    """Return up to `limit` deliveries without their events, the newest first or the oldest.

    `before` is when the last one of the page before was recorded, and its id.
    """
    query, order = _query(subscription, wanted, before), newest_first("recorded_at")
    if oldest_first:
        order = [(field, -direction) for field, direction in order]
    found = database.deliveries.find(query, _WITHOUT_BODY).sort(order)
    documents = await found.limit(limit).to_list()
    return [DeliveryRecord.model_validate({**each, "body": ""}) for each in documents]


def _query(subscription: str, wanted: DeliveryFilter, before: Place | None) -> Document:
    times: Document = {"$lte": before[0] if before is not None else NEVER}
    if wanted.until is not None:
        times["$lt"] = wanted.until
    if wanted.since is not None:
        times["$gte"] = wanted.since
    query: Document = {"subscription": subscription, "recorded_at": times}
    # A test is of no model, and is told to whoever may see the subscription.
    conditions: list[Document] = [{"$or": [{"model": ""}, within(wanted.names, "model")]}]
    if before is not None:
        conditions.append(older_than("recorded_at", before))
    if wanted.states:
        query["state"] = {"$in": list(wanted.states)}
    if wanted.event_id is not None:
        query["_id"] = f"{subscription}:{wanted.event_id}"
    if wanted.model is not None:
        query["model"] = wanted.model
    numbers: Document = {}
    if wanted.from_sequence is not None:
        numbers["$gte"] = wanted.from_sequence
    if wanted.to_sequence is not None:
        numbers["$lte"] = wanted.to_sequence
    if numbers:
        query["sequence"] = numbers
    return {**query, "$and": conditions}


async def replay(database: Database, deliveries: Sequence[DeliveryRecord], kept: timedelta) -> None:
    """Have deliveries made again, those that are settled; may be repeated.

    The oldest of each model is written first: its queue may be sent from meanwhile.
    """
    now = await database.now()
    changes = [
        UpdateOne(
            {"_id": each.id, "state": {"$ne": "waiting"}},
            {
                "$set": {
                    "state": "waiting",
                    "waiting_in": queue_of(each.subscription, each.model),
                    "first_attempt_at": None,
                    "settled_at": None,
                    "tries": 0,
                    "forget_at": now + kept,
                },
                "$inc": {"replays": 1},
            },
        )
        for each in sorted(deliveries, key=lambda each: (each.model, each.sequence))
    ]
    for together in slices(changes):
        await database.deliveries.bulk_write(together)
    await push(database, deliveries)
