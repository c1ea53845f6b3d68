"""The audit: written before a change and behind a refusal, and forgotten after a setting's time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, UpdateOne

from shared.database.bulk import slices
from shared.database.client import Database
from shared.database.collection import Document
from shared.database.errors import told_errors
from shared.database.pages import Place, newest_first, older_than
from shared.database.visibility import within
from shared.domain.access.audit import AuditRecord, ChangeEnd
from shared.domain.access.decision import NameFilter
from shared.domain.moments import BEGINNING, END, possible

DAY_SECONDS = 24 * 3600
_RETENTION_KEY = "at"
"""The index of this one field is the one by which entries are forgotten."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are wanted; None: whatever they have."""

    principal: str | None = None
    action: str | None = None
    model: str | None = None
    subject: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Before this moment."""


async def write_entry(database: Database, entry: AuditRecord) -> None:
    """Keep an entry, durably."""
    await database.audit.insert_one(entry.model_dump(by_alias=True))


async def write_behind(
    database: Database, entries: Sequence[AuditRecord], ends: Mapping[str, ChangeEnd]
) -> None:
    """Keep entries, and what became of earlier ones by their ids; may be repeated."""
    changes = [
        UpdateOne({"_id": each.id}, {"$setOnInsert": _fields(each)}, upsert=True)
        for each in entries
    ]
    changes += [UpdateOne({"_id": each}, {"$set": _told(end)}) for each, end in ends.items()]
    for together in slices(changes):
        await database.audit.bulk_write(together)


async def list_entries(
    database: Database,
    names: NameFilter,
    wanted: AuditFilter,
    *,
    before: Place | None,
    limit: int,
) -> list[AuditRecord]:
    """Return up to `limit` entries about models of these names, the newest first.

    `before` is when the last one of the page before was made, and its id.
    """
    named = {
        "principal": wanted.principal,
        "action": wanted.action,
        "model": wanted.model,
        "subject": wanted.subject,
        "outcome": wanted.outcome,
    }
    query: Document = {field: value for field, value in named.items() if value is not None}
    query["at"] = {
        "$gte": possible(wanted.since or BEGINNING),
        "$lt": possible(wanted.until or END),
    }
    conditions = [visible] if (visible := within(names, "model")) else []
    if before is not None:
        query["at"]["$lte"] = before[0]
        conditions.append(older_than("at", before))
    if conditions:
        query["$and"] = conditions
    found = await database.audit.find(query).sort(newest_first("at")).limit(limit).to_list()
    return [AuditRecord.model_validate(each) for each in found]


async def keep_retention(database: Database, days: int) -> None:
    """Have entries forgotten after so many days, and those that there are too; 0: never.

    Raises DatabaseUnavailable, also without the right to change indexes.
    """
    seconds = days * DAY_SECONDS
    driver: Any = database.audit.driver
    with told_errors():
        there = [index async for index in driver.list_indexes()]
        kept = next((each for each in there if list(each["key"]) == [_RETENTION_KEY]), None)
        if kept is None:
            if seconds:
                await driver.create_index([(_RETENTION_KEY, ASCENDING)], expireAfterSeconds=seconds)
        elif not seconds:
            await driver.drop_index(kept["name"])
        elif kept.get("expireAfterSeconds") != seconds:
            index = {"name": kept["name"], "expireAfterSeconds": seconds}
            await driver.database.command({"collMod": driver.name, "index": index})


def _fields(entry: AuditRecord) -> Document:
    return entry.model_dump(exclude={"id"})


def _told(end: ChangeEnd) -> Document:
    subject = {"subject": end.subject} if end.subject else {}
    return {"outcome": end.outcome, "ended_at": end.at, **subject}
