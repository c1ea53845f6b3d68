"""State changes of versions. Each is one transaction: state, sequence number and outbox event."""

from collections import defaultdict
from collections.abc import Sequence

from pymongo import UpdateOne
from pymongo.collection import ReturnDocument

from registry.schemas import SETTLED, Reason
from shared.database.client import Database, Document, DuplicateKey, Session
from shared.database.outbox import outbox_entries
from shared.errors import Conflict
from shared.events import version_event
from shared.records import VersionRecord
from shared.transitions import EVENT_OF_STATE, Verdict, apply_verdicts, numbered

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
            "$setOnInsert": {"created_at": draft.created_at, "latest_number": None},
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
        await database.versions.insert_one(_document(record), session=session)
        await database.outbox.insert_many(outbox_entries([event]), session=session)
        return record

    for _ in range(_MODEL_RACES):
        try:
            return await database.transaction(work)
        except DuplicateKey as error:
            if not _lost_model_race(error):
                raise _conflict(error, draft, number) from error
    raise Conflict("model_contended", f"model {draft.model!r} is being made by others; try again")


async def settle(database: Database, verdicts: Sequence[Verdict]) -> list[VersionRecord]:
    """Apply verdicts, and return the versions whose state they changed, in order.

    A verdict on a version that is settled, on an artifact that is verified, or under a lease that
    was lost, changes nothing: repeats and late workers are harmless.
    """
    by_version: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_version[verdict.version_id].append(verdict)

    async def work(session: Session) -> list[VersionRecord]:
        cursor = database.versions.find({"_id": {"$in": list(by_version)}}, session=session)
        before = {found["_id"]: VersionRecord.model_validate(found) async for found in cursor}
        after = [
            record
            for version_id, found in by_version.items()
            if version_id in before
            and (record := apply_verdicts(before[version_id], found)) is not before[version_id]
        ]
        announced = [record for record in after if record.state in EVENT_OF_STATE]
        sequenced = await _sequence(database, announced, session)
        records = [sequenced.get(record.id, record) for record in after]
        if records:
            updates = [_update(before[record.id], record) for record in records]
            await database.bulk_write(database.versions, updates, session=session)
        if sequenced:
            events = [
                version_event(EVENT_OF_STATE[record.state], record) for record in sequenced.values()
            ]
            await database.outbox.insert_many(outbox_entries(events), session=session)
        return [record for record in records if record.state != before[record.id].state]

    return await database.transaction(work) if by_version else []


async def reject(
    database: Database, version_id: str, reason: Reason, *, session_state: str | None = None
) -> VersionRecord | None:
    """Reject a version that is not settled yet; None where it is settled or unknown."""

    async def work(session: Session) -> VersionRecord | None:
        found = await database.versions.find_one({"_id": version_id}, session=session)
        before = VersionRecord.model_validate(found) if found else None
        if before is None or before.state in SETTLED:
            return None
        rejected = before.model_copy(update={"state": "rejected", "reasons": [reason]})
        if session_state and before.session:
            ended = before.session.model_copy(update={"state": session_state})
            rejected = rejected.model_copy(update={"session": ended})
        record = (await _sequence(database, [rejected], session))[version_id]
        event = version_event("registry.version.rejected.v1", record)
        await database.bulk_write(database.versions, [_update(before, record)], session=session)
        await database.outbox.insert_many(outbox_entries([event]), session=session)
        return record

    return await database.transaction(work)


def _document(record: VersionRecord) -> Document:
    document = record.model_dump(by_alias=True)
    if record.label is not None:
        document["label_held"] = True
    if record.session and record.session.idempotency_key is None:
        del document["session"]["idempotency_key"]  # the unique index covers those that exist
    return document


def _lost_model_race(error: DuplicateKey) -> bool:
    return set((error.details or {}).get("keyPattern", {})) == {"_id"}


def _conflict(error: DuplicateKey, draft: VersionRecord, number: int | None) -> Conflict:
    fields = set((error.details or {}).get("keyPattern", {}))
    if "session.idempotency_key" in fields:
        return Conflict("idempotency_key_taken", "the idempotency key opened another session")
    version = draft.label if "label" in fields else number
    return Conflict(
        "version_exists", f"version {version!r} of model {draft.model!r} exists", field="version"
    )


async def _sequence(
    database: Database, records: Sequence[VersionRecord], session: Session
) -> dict[str, VersionRecord]:
    """Give each record its model's next sequence number, in order; by version id."""
    by_model: dict[str, list[VersionRecord]] = defaultdict(list)
    for record in records:
        by_model[record.model].append(record)
    found = database.models.find({"_id": {"$in": list(by_model)}}, {"sequence": 1}, session=session)
    last = {model["_id"]: model["sequence"] async for model in found}
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


def _model_change(members: Sequence[VersionRecord]) -> Document:
    change: Document = {"$inc": {"sequence": len(members)}}
    if ready := [record.number for record in members if record.state == "ready"]:
        change["$max"] = {"latest_number": max(ready)}
    return change


def _update(before: VersionRecord, after: VersionRecord) -> UpdateOne:
    fields = {"state", "reasons", "ready_at", "sequence", "lease", "unconfirmed"}
    change: Document = {"$set": after.model_dump(include=fields)}
    for index, artifact in enumerate(after.artifacts):
        if artifact != before.artifacts[index]:
            change["$set"][f"artifacts.{index}"] = artifact.model_dump()
    if after.session != before.session and after.session:
        change["$set"]["session.state"] = after.session.state
    if after.state == "rejected":
        change["$unset"] = {"label_held": "", "session.idempotency_key": ""}
    # By id alone, which is the fastest plan: the transaction read `before` from its own snapshot.
    return UpdateOne({"_id": after.id}, change)
