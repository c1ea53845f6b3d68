"""Events that are recorded with the state they tell of, and wait to be published.

An entry holds the consecutive events of one model that one transaction recorded, so that a batch
of versions costs a document for each model and not one for each event.
"""

import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import DeleteMany, UpdateOne

from shared.database.client import Database
from shared.database.collection import Document, Transaction, portions
from shared.domain.events import AnyEvent, key_of, traced_event
from shared.domain.traces import TraceRecord, read_trace
from shared.runtime.telemetry.tracing import current_trace

LANES = 4
"""Parts of the outbox, by model, that are read and published side by side."""
MAX_ENTRY_BYTES = 1024 * 1024
"""An entry takes no further event beyond this; MongoDB's limit for a document is 16 MiB."""
MAX_READ_BYTES = 8 * 1024 * 1024
"""A reading takes no further entry beyond this."""


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event in the outbox."""

    id: str
    model: str
    sequence: int
    body: bytes
    """CloudEvents structured JSON."""
    entry: str
    """The entry that holds it."""
    is_last: bool
    """Whether it is the entry's last event."""
    trace: TraceRecord | None = None
    """The trace that it tells of itself."""


class Outbox:
    """The outbox; every method raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pending(
        self, lane: int, limit: int, *, without: Collection[str] = ()
    ) -> tuple[list[PendingEvent], bool]:
        """Return the events of up to `limit` entries of a lane, and whether there may be more.

        Those of the models `without` are passed over, and fill no place.

        They come by model and sequence, without a gap. Read as one snapshot: a plain scan could
        pass a model's place before event n is there and still meet n + 1. Without a transaction,
        whose every statement SecantusDB keeps waiting for those of all others.
        """
        wanted: Document = {"lane": lane}
        if without:
            wanted["model"] = {"$nin": list(without)}
        return await self._read(wanted, limit)

    async def pending_of(self, model: str, limit: int) -> tuple[list[PendingEvent], bool]:
        """Return what `pending` does, of one model alone."""
        return await self._read({"lane": lane_of(model), "model": model}, limit)

    async def oldest_before(self, moment: datetime) -> datetime | None:
        """Return when the oldest entry was recorded, where that is before the moment."""
        late = self._database.outbox.find(
            {"recorded_at": {"$lt": moment}}, {"_id": 0, "recorded_at": 1}
        )
        found = await late.sort([("recorded_at", 1)]).limit(1).to_list()
        return found[0]["recorded_at"] if found else None

    async def _read(self, wanted: Document, limit: int) -> tuple[list[PendingEvent], bool]:
        events: list[PendingEvent] = []
        size = entries = 0
        outbox = self._database.outbox.at_one_moment()
        cursor = outbox.find(wanted).sort([("model", 1), ("sequence", 1)]).limit(limit)
        async with aclosing(aiter(cursor)) as found_entries:
            async for entry in found_entries:
                found = _events(entry)
                events += found
                entries += 1
                size += sum(len(event.body) for event in found)
                if size > MAX_READ_BYTES:
                    return events, True
        return events, entries == limit

    async def remove(self, published: Sequence[PendingEvent]) -> None:
        """Forget events that were published, which of each model must be the first ones.

        A crash in between leaves some of them, which are then published again.
        """
        by_model: dict[str, list[PendingEvent]] = defaultdict(list)
        for event in published:
            by_model[event.model].append(event)
        changes: list[DeleteMany | UpdateOne] = []
        whole: list[str] = []
        for model, events in by_model.items():
            last = events[-1]
            if last.is_last and last.entry == events[0].entry:
                whole.append(last.entry)
                continue
            # By range: SecantusDB compares each document with every value of a list.
            done: Document = {"lane": lane_of(model), "model": model}
            done["sequence"] = {"$lte": last.sequence}
            if not last.is_last:
                done["_id"] = {"$ne": last.entry}
                sent = {"$set": {"sent_sequence": last.sequence}}
                changes.append(UpdateOne({"_id": last.entry}, sent))
            changes.append(DeleteMany(done))
        changes += [DeleteMany({"_id": {"$in": portion}}) for portion in portions(whole)]
        await self._database.outbox.bulk_write(changes)


def lane_of(model: str) -> int:
    """Return the lane of a model's events: all of them, for ever, the same one."""
    return zlib.crc32(model.encode()) % LANES


async def put_events(
    database: Database, events: Iterable[AnyEvent], transaction: Transaction
) -> None:
    """Keep the events of a transaction for the relay; those of a model in their order.

    Where a span is open, they tell which one, unless they do already.
    """
    if (trace := current_trace()) is not None:
        events = [traced_event(event, trace) for event in events]
    if entries := outbox_entries(events, await database.now()):
        await database.outbox.insert_many(entries, transaction=transaction)


def outbox_entries(events: Iterable[AnyEvent], recorded_at: datetime) -> list[Document]:
    """Return the events as the outbox keeps them; those of a model come together, in order.

    What is of no model has a key that is no model's name.
    `recorded_at` is the server's time, by which it is seen how long they wait.
    """
    entries: list[dict[str, Any]] = []
    size = 0
    for event in events:
        key = key_of(event)
        body = event.model_dump_json(exclude_none=True)
        size += len(body)
        if not entries or entries[-1]["model"] != key or size > MAX_ENTRY_BYTES:
            size = len(body)
            entries.append(
                {
                    "_id": event.id,
                    "lane": lane_of(key),
                    "model": key,
                    "sequence": event.sequence,
                    "recorded_at": recorded_at,
                    "events": [],
                }
            )
        entries[-1]["events"].append({"id": event.id, "body": body} | _trace_fields(event))
    return entries


def _trace_fields(event: AnyEvent) -> dict[str, str]:
    """Return an event's trace, so that the relay need not read the body."""
    told = {"traceparent": event.traceparent, "tracestate": event.tracestate}
    return {name: value for name, value in told.items() if value is not None}


def _events(entry: Document) -> list[PendingEvent]:
    stored: list[dict[str, str]] = entry["events"]
    sent: int = entry.get("sent_sequence", 0)
    return [
        PendingEvent(
            event["id"],
            entry["model"],
            sequence,
            event["body"].encode(),
            entry["_id"],
            is_last=event is stored[-1],
            trace=read_trace(event.get("traceparent"), event.get("tracestate")),
        )
        for sequence, event in enumerate(stored, entry["sequence"])
        if sequence > sent
    ]
