"""Queues of deliveries: one for each subscription and model, taken under a lease with a token.

Whoever holds a queue sends its deliveries one after the other; what fails holds up no other queue.
"""

import random
from collections.abc import Collection
from datetime import timedelta

from pymongo import DeleteMany, UpdateMany, UpdateOne

from shared.database.client import Database
from shared.database.collection import Document
from shared.domain.webhooks.records import QueueRecord, queue_of

LAST_NAME = chr(0x10FFFF)
"""Behind the name of every model."""


async def due_queues(
    database: Database, *, without: Collection[str], limit: int
) -> list[QueueRecord]:
    """Return queues that are due, those that are due longest first.

    Those of the subscriptions `without` are passed over, and fill no place.
    """
    query: Document = {"due_at": {"$lte": await database.now()}}
    if without:
        query["subscription"] = {"$nin": sorted(without)}
    found = database.delivery_queues.find(query).sort([("due_at", 1)]).limit(limit)
    queues = [QueueRecord.model_validate(each) for each in await found.to_list()]
    random.shuffle(queues)  # so that several processes do not all try the same one first
    return queues


async def oldest_due(database: Database, *, without: Collection[str]) -> timedelta:
    """Return for how long the queue has been due that is due longest; those of `without` count
    not."""
    now = await database.now()
    query: Document = {"due_at": {"$lte": now}}
    if without:
        query["subscription"] = {"$nin": sorted(without)}
    found = await database.delivery_queues.find_one(query, {"due_at": 1}, sort=[("due_at", 1)])
    return now - found["due_at"] if found else timedelta()


async def take_queue(database: Database, queue: QueueRecord, token: str, lease: timedelta) -> bool:
    """Take a queue as it was found; False where another was faster."""
    as_found: Document = {"_id": queue.id, "due_at": queue.due_at, "token": queue.token}
    taken = {"$set": {"token": token, "due_at": await database.now() + lease}}
    return (await database.delivery_queues.update_one(as_found, taken)).matched_count == 1


async def renew_queue(database: Database, queue: str, token: str, lease: timedelta) -> int | None:
    """Move the end of the lease, and return the count of pushes; None where it was lost."""
    due_at = await database.now() + lease
    held: Document = {"_id": queue, "token": token}
    changed = await database.delivery_queues.update_one(held, {"$set": {"due_at": due_at}})
    if changed.matched_count == 0:
        return None
    found = await database.delivery_queues.find_one(held, {"pushed": 1})
    return found["pushed"] if found else None


async def give_back_queue(
    database: Database,
    queue: str,
    token: str,
    pause: timedelta = timedelta(),
    outage: int | None = None,
) -> None:
    """Leave a queue to whoever takes it after the pause, for which this outage is the reason."""
    fields: Document = {"token": None, "due_at": await database.now() + pause}
    if outage is not None:
        fields["outage"] = outage
    await database.delivery_queues.update_one({"_id": queue, "token": token}, {"$set": fields})


async def remove_queue(database: Database, queue: str, token: str, pushed: int) -> bool:
    """Remove a queue in which nothing waits; False where something was put in since."""
    gone = await database.delivery_queues.delete_one(
        {"_id": queue, "token": token, "pushed": pushed}
    )
    return gone.deleted_count == 1


async def drop_queues(database: Database, subscription: str) -> None:
    """Remove the queues of a subscription that is gone, with all that waits in them.

    Together, since it may have one for each of many models, before which others would wait. The
    queues go first: what waits without one is not sent, and is forgotten in its time.
    """
    await database.delivery_queues.bulk_write([DeleteMany({"subscription": subscription})])
    first, last = queue_of(subscription, ""), queue_of(subscription, LAST_NAME)
    waiting: Document = {"waiting_in": {"$gte": first, "$lte": last}}
    await database.deliveries.bulk_write([DeleteMany(waiting)])


async def hurry(database: Database, subscription: str, models: Collection[str] = ()) -> None:
    """Let the queues of a subscription, or those of some models, rest no longer."""
    due = {"$set": {"due_at": await database.now()}}
    if not models:
        resting: Document = {"subscription": subscription, "token": None}
        await database.delivery_queues.bulk_write([UpdateMany(resting, due)])
        return
    await database.delivery_queues.bulk_write(
        [UpdateOne({"_id": f"{subscription}:{each}", "token": None}, due) for each in models]
    )


async def hurry_after(database: Database, subscription: str, outage: int) -> None:
    """Let those queues rest no longer that rest for an outage which is over.

    What failed in earlier ones already is not for that: its receiver takes all but this, and is
    asked about it more and more rarely. One outage before counts as well, since another process may
    not have known that it was over.
    """
    resting: Document = {
        "subscription": subscription,
        "token": None,
        "outage": {"$not": {"$lt": outage - 1}},
    }
    due = {"$set": {"due_at": await database.now()}}
    await database.delivery_queues.bulk_write([UpdateMany(resting, due)])
