"""State changes of versions. Each is one transaction: state, sequence number and outbox event."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pymongo import ReplaceOne, UpdateOne
from pymongo.collection import ReturnDocument

from registry.schemas import SETTLED, Reason
from shared.database.client import Database, Document, DuplicateKey, Session, find_each
from shared.database.handles import give_back_handles, take_handles, version_exists
from shared.database.outbox import outbox_entries
from shared.domain.errors import Conflict
from shared.domain.events import version_event
from shared.domain.records import VersionRecord, WorkRecord
from shared.domain.transitions import (
    EVENT_OF_STATE,
    Verdict,
    apply_verdicts,
    confirmation,
    numbered,
)

T = TypeVar("T")
_MODEL_RACES = 5
"""Tries at making a model that others make at the same moment; one of them wins each time."""


async def open_version(
    database: Database, draft: VersionRecord, *, number: int | None = None
) -> VersionRecord:
    """Record a version and its created event; allocates its number unless one is asked for.

    The draft's artifacts carry paths; their keys are completed here. Raises Conflict with code
    "version_exists" or "idempotency_key_taken".
    """

    async def work(session: Session) -> VersionRecord:
        change: Document = {
            "$inc": {"sequence": 1, "version_count": 1},
            "$setOnInsert": {"latest_number": None},
            "$min": {"created_at": draft.created_at},  # of several at once, the earliest
        }
        if number is None:
            change["$inc"]["next_number"] = 1
        else:
            change["$max"] = {"next_number": number}
        model = await database.models.find_one_and_update(
            {"_id": draft.model},
            change,
            upsert=True,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        record = numbered(draft, number or model["next_number"], model["sequence"])
        event = version_event("registry.version.created.v1", record)
        await take_handles(database, record, session)
        try:
            await database.versions.insert_one(record.model_dump(by_alias=True), session=session)
        except DuplicateKey as error:
            raise version_exists(draft.model, record.number) from error
        await database.outbox.insert_many(outbox_entries([event]), session=session)
        return record

    return await while_models_are_made(draft.model, lambda: database.transaction(work))


async def while_models_are_made(model: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """Run what makes the model where there is none, again when another made it at that moment.

    Raises Conflict "model_contended" when that does not end.
    """
    for _ in range(_MODEL_RACES):
        try:
            return await attempt()
        except DuplicateKey:
            continue
    raise Conflict("model_contended", f"model {model!r} is being made by others; try again")


async def settle(database: Database, verdicts: Sequence[Verdict]) -> list[VersionRecord]:
    """Apply verdicts, and return the versions whose state they changed or renewed, in order.

    A verdict on a version that is settled, on an artifact that is verified, or under a lease that
    was lost, changes nothing: repeats and late workers are harmless.
    """
    by_version: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_version[verdict.version_id].append(verdict)
    if not by_version:
        return []

    now = await database.now()

    async def work(session: Session) -> list[VersionRecord]:
        before = await _read(database, list(by_version), session)
        after = [
            record
            for version_id, found in by_version.items()
            if version_id in before
            and (record := apply_verdicts(before[version_id], found, now)) is not before[version_id]
        ]
        records = await _write(database, after, session)
        return [record for record in records if _is_news(before[record.id], record)]

    return await database.transaction(work)


async def reject(
    database: Database, version_id: str, reason: Reason, *, session_state: str | None = None
) -> VersionRecord | None:
    """Reject a version that is not settled yet; None where it is settled or unknown.

    With `session_state` its upload is over, and removing its bytes is left as work to do.
    """
    now = await database.now()

    def decide(found: VersionRecord) -> VersionRecord | None:
        if found.state in SETTLED:
            return None
        changes: Document = {"state": "rejected", "reasons": [reason], "work": None}
        if session_state and found.session:
            changes["session"] = found.session.model_copy(update={"state": session_state})
            changes["work"] = WorkRecord(kind="clean", due_at=now)
        return found.model_copy(update=changes)

    return await _change(database, version_id, decide)


async def mark_missing(
    database: Database, version_id: str, reasons: list[Reason]
) -> VersionRecord | None:
    """Record that a ready version lacks objects; None where it is not ready."""

    def decide(found: VersionRecord) -> VersionRecord | None:
        if found.state != "ready":
            return None
        return found.model_copy(update={"state": "missing", "reasons": reasons, "work": None})

    return await _change(database, version_id, decide)


async def restore(database: Database, version_id: str) -> VersionRecord | None:
    """Record that a missing version has all its objects again; None where it is not missing."""
    now = await database.now()

    def decide(found: VersionRecord) -> VersionRecord | None:
        if found.state != "missing":
            return None
        work = confirmation(found.artifacts, now)
        return found.model_copy(update={"state": "ready", "reasons": [], "work": work})

    return await _change(database, version_id, decide)


def _is_news(before: VersionRecord, after: VersionRecord) -> bool:
    """Whether the state changed, or work on it that was given up begins anew."""
    return after.state != before.state or after.failure != before.failure


async def _change(
    database: Database,
    version_id: str,
    decide: Callable[[VersionRecord], VersionRecord | None],
) -> VersionRecord | None:
    """Change one version as `decide` says, which is given what the transaction has read."""

    async def work(session: Session) -> VersionRecord | None:
        found = (await _read(database, [version_id], session)).get(version_id)
        after = decide(found) if found is not None else None
        if after is None:
            return None
        [record] = await _write(database, [after], session)
        return record

    return await database.transaction(work)


async def _read(
    database: Database, version_ids: Sequence[str], session: Session
) -> dict[str, VersionRecord]:
    return {
        found["_id"]: VersionRecord.model_validate(found)
        async for found in find_each(database.versions, "_id", version_ids, session)
    }


async def _write(
    database: Database, after: Sequence[VersionRecord], session: Session
) -> list[VersionRecord]:
    """Write the changed versions, and what follows from it."""
    if not after:
        return []
    announced = [record for record in after if record.state in EVENT_OF_STATE]
    sequenced = await _sequence(database, announced, session)
    records = [sequenced.get(record.id, record) for record in after]
    # Whole documents, by id alone: the fastest way, and the transaction has read what it replaces.
    changes = [ReplaceOne({"_id": each.id}, each.model_dump(by_alias=True)) for each in records]
    await database.bulk_write(database.versions, changes, session=session)
    rejected = [record for record in records if record.state == "rejected"]
    await give_back_handles(database, rejected, session)
    for record in records:
        if record.state == "missing":
            await _find_latest(database, record.model, session)
    if sequenced:
        events = [
            version_event(EVENT_OF_STATE[record.state], record) for record in sequenced.values()
        ]
        await database.outbox.insert_many(outbox_entries(events), session=session)
    return records


async def _sequence(
    database: Database, records: Sequence[VersionRecord], session: Session
) -> dict[str, VersionRecord]:
    """Give each record its model's next sequence number, in order; by version id."""
    by_model: dict[str, list[VersionRecord]] = defaultdict(list)
    for record in records:
        by_model[record.model].append(record)
    models = find_each(database.models, "_id", by_model, session)
    last: dict[str, int] = {model["_id"]: model["sequence"] async for model in models}
    changes: list[UpdateOne] = []
    sequenced: dict[str, VersionRecord] = {}
    for name, members in sorted(by_model.items()):
        changes.append(UpdateOne({"_id": name}, _model_change(members)))
        for sequence, record in enumerate(members, last[name] + 1):
            sequenced[record.id] = record.model_copy(update={"sequence": sequence})
    if changes:
        # Whoever changed one of these models since the snapshot makes the transaction run again.
        await database.bulk_write(database.models, changes, session=session)
    return sequenced


async def newest_ready(database: Database, model: str, session: Session) -> int | None:
    """Return the number that "latest" stands for: the highest that is ready."""
    newest = await database.versions.find_one(
        {"model": model, "state": "ready"}, {"number": 1}, sort=[("number", -1)], session=session
    )
    return newest["number"] if newest else None


async def _find_latest(database: Database, model: str, session: Session) -> None:
    latest = {"latest_number": await newest_ready(database, model, session)}
    await database.models.update_one({"_id": model}, {"$set": latest}, session=session)


def _model_change(members: Sequence[VersionRecord]) -> Document:
    change: Document = {"$inc": {"sequence": len(members)}}
    if ready := [record.number for record in members if record.state == "ready"]:
        change["$max"] = {"latest_number": max(ready)}
    return change
