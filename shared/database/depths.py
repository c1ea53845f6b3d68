"""How much waits in each queue that is in the database, and for how long: figures for operators.

Each statement reads an index alone, from its beginning, and not beyond `MOST_COUNTED`: whoever
scrapes costs no more however long a queue has grown. What is told then means "at least".
"""

from collections.abc import Collection as Several
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from shared.database.client import Database
from shared.database.collection import Document
from shared.domain.records import WorkKind

MOST_COUNTED = 1000
"""A queue of so many is long; how much longer says little."""
WORK_KINDS: tuple[WorkKind, ...] = get_args(WorkKind)


@dataclass(frozen=True, slots=True)
class Depth:
    """How much of a queue is due."""

    count: int
    """At most as many as were asked for."""
    seconds: float
    """How long the oldest has been due; 0 where nothing is."""


async def depth_of_work(database: Database, kind: WorkKind, *, most: int = MOST_COUNTED) -> Depth:
    """Return how many versions are due for a kind of work, and since when."""
    now = await database.now()
    due: Document = {"work.kind": kind, "work.due_at": {"$lte": now}}
    fields = {"_id": 0, "work.kind": 1, "work.due_at": 1}
    found = database.versions.find(due, fields).sort([("work.kind", 1), ("work.due_at", 1)])
    documents = await found.limit(most).to_list()
    return _depth([each["work"]["due_at"] for each in documents], now)


async def depth_of_folders(database: Database, *, most: int = MOST_COUNTED) -> Depth:
    """Return how many folders of found objects are due to be adopted, and since when."""
    now = await database.now()
    found = database.found_folders.find({"due_at": {"$lte": now}}, {"_id": 0, "due_at": 1})
    documents = await found.sort([("due_at", 1)]).limit(most).to_list()
    return _depth([each["due_at"] for each in documents], now)


async def depth_of_outbox(database: Database, *, most: int = MOST_COUNTED) -> Depth:
    """Return how many entries of the outbox are not published, and how old the oldest is."""
    now = await database.now()
    found = database.outbox.find({"recorded_at": {"$lte": now}}, {"_id": 0, "recorded_at": 1})
    documents = await found.sort([("recorded_at", 1)]).limit(most).to_list()
    return _depth([each["recorded_at"] for each in documents], now)


async def depth_of_delivery_queues(database: Database, *, without: Several[str]) -> Depth:
    """Return how many queues of deliveries are due, and since when; those of `without` are not."""
    now = await database.now()
    query: Document = {"due_at": {"$lte": now}}
    if without:
        query["subscription"] = {"$nin": sorted(without)}
    found = database.delivery_queues.find(query, {"_id": 0, "due_at": 1}).sort([("due_at", 1)])
    return _depth([each["due_at"] for each in await found.limit(MOST_COUNTED).to_list()], now)


async def count_waiting_deliveries(database: Database) -> int:
    """Return how many deliveries wait, those that rest after a failure included."""
    waiting: Document = {"waiting_in": {"$gt": ""}}
    found = database.deliveries.find(waiting, {"_id": 0, "waiting_in": 1})
    found = found.sort([("waiting_in", 1), ("sequence", 1)]).limit(MOST_COUNTED)
    return len(await found.to_list())


async def count_open_uploads(database: Database) -> int:
    """Return how many uploads are under way."""
    fields = {"_id": 0, "session.state": 1}
    found = database.versions.find({"session.state": "open"}, fields)
    found = found.sort([("session.state", 1), ("session.expires_at", 1)]).limit(MOST_COUNTED)
    return len(await found.to_list())


def _depth(due_at: Sequence[datetime], now: datetime) -> Depth:
    """Return the depth of a queue of these moments, the oldest of which comes first."""
    oldest = (now - due_at[0]).total_seconds() if due_at else 0.0
    return Depth(len(due_at), max(0.0, oldest))
