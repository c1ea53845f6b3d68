"""Changes of versions that are told: state, sequence number and event in one transaction.

Whatever changes a version goes through `announce`: opening, settling, ending, edits, recovery.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pymongo import UpdateOne

from registry.schemas import EventType
from shared.database.client import Database
from shared.database.collection import Document, Transaction
from shared.database.errors import DuplicateKey
from shared.database.handles import version_exists
from shared.database.models import Counters, ModelChange, change_models
from shared.database.outbox import put_events
from shared.database.transactions import Overtaken
from shared.domain.edits import EditRecord, is_same
from shared.domain.events import AnyEvent, edit_event, traced_event, version_event
from shared.domain.records import VersionRecord
from shared.domain.traces import TraceRecord

MOST_PATHS = 16
"""Of more changed files than this the list is written whole: each path costs the server a walk."""


@dataclass(frozen=True, slots=True)
class VersionChange:
    """What becomes of one version."""

    before: VersionRecord | None
    """As the transaction has read it; None: it is a new one."""
    after: VersionRecord
    event: EventType | None
    """What tells of it; None: it is not told."""
    is_counted: bool = False
    """Whether it counts as one more version of its model."""
    edit: EditRecord | None = None
    """What its event tells of, where that is an edit."""
    trace: TraceRecord | None = None
    """What caused it, where others are written with it; None: the span that is open."""


async def announce(
    database: Database,
    changes: Sequence[VersionChange],
    counters: Mapping[str, Counters],
    transaction: Transaction,
) -> list[VersionRecord]:
    """Write the changes, with the next sequence number and an event for each that is told.

    `counters` are those of each told model, as this transaction has read them. Returns the
    versions as they are now, in the same order. Raises Conflict "version_exists" where a new
    version's number or one of its keys is another's.
    """
    told = _sequenced(changes, counters)
    # 1. The models first: with others at work on one of them, the attempt ends before it has
    #    written the rest.
    if models := _model_changes(told):
        await change_models(database, models, transaction)
    # 2. The versions.
    written = {each.after.id: each for each in told}
    numbered = [written.get(each.after.id, each) for each in changes]
    await _write_versions(database, numbered, transaction)
    # 3. The events.
    events = [
        _event(each, each.event, database.event_source) for each in told if each.event is not None
    ]
    await put_events(database, events, transaction)
    return [each.after for each in numbered]


def _sequenced(
    changes: Sequence[VersionChange], counters: Mapping[str, Counters]
) -> list[VersionChange]:
    """Return the changes that are told, numbered on; those of a model together, in order."""
    by_model: dict[str, list[VersionChange]] = defaultdict(list)
    for change in changes:
        if change.event is not None:
            by_model[change.after.model].append(change)
    return [
        replace(change, after=change.after.model_copy(update={"sequence": sequence}))
        for model, members in sorted(by_model.items())
        for sequence, change in enumerate(members, counters[model].sequence + 1)
    ]


def _event(change: VersionChange, kind: EventType, source: str) -> AnyEvent:
    if change.edit is not None:
        event = edit_event(change.edit, change.after, source)
    else:
        event = version_event(kind, change.after, source)
    return event if change.trace is None else traced_event(event, change.trace)


def _model_changes(told: Sequence[VersionChange]) -> list[ModelChange]:
    by_model: dict[str, list[VersionChange]] = defaultdict(list)
    for change in told:
        by_model[change.after.model].append(change)
    return [_model_change(model, members) for model, members in by_model.items()]


def _model_change(model: str, members: Sequence[VersionChange]) -> ModelChange:
    counted = [change.after for change in members if change.is_counted]
    ready = [change.after.number for change in members if _may_be_latest(change.after)]
    return ModelChange(
        model,
        events=len(members),
        opened=len(counted),
        highest_number=max((record.number for record in counted), default=None),
        highest_ready=max(ready, default=None),
        since=min((record.created_at for record in counted), default=None),
    )


def _may_be_latest(version: VersionRecord) -> bool:
    return version.state == "ready" and version.archived_at is None


async def _write_versions(
    database: Database, changes: Sequence[VersionChange], transaction: Transaction
) -> None:
    updates: list[UpdateOne] = []
    for change in changes:
        if change.before is None:
            await _insert(database, change.after, transaction)
        elif fields := changed_fields(change.before, change.after):
            # By id alone, the fastest way: whoever changed the version since the transaction read
            # it makes this a conflict, whatever the filter says.
            updates.append(UpdateOne({"_id": change.after.id}, {"$set": fields}))
    if updates:
        result = await database.versions.bulk_write(updates, transaction=transaction)
        if result.matched_count != len(updates):
            raise Overtaken("a version is gone meanwhile")


async def _insert(database: Database, record: VersionRecord, transaction: Transaction) -> None:
    try:
        await database.versions.insert_one(
            record.model_dump(by_alias=True), transaction=transaction
        )
    except DuplicateKey as error:
        raise version_exists(record.model, record.number) from error


def changed_fields(before: VersionRecord, after: VersionRecord) -> Document:
    """Return what to set so that `before` becomes `after`; of its files, those that changed."""
    names = {*type(after).model_fields, *(after.model_extra or {})}
    changed = {name for name in names if _differ(getattr(before, name, ...), getattr(after, name))}
    files = _changed_files(before, after)
    if len(files) <= MOST_PATHS and len(before.artifacts) == len(after.artifacts):
        changed.discard("artifacts")
    else:
        files = {}
    return after.model_dump(by_alias=True, include=changed) | files


def _differ(then: object, now: object) -> bool:
    if isinstance(then, dict) and isinstance(now, dict):  # metadata, where True is not 1
        return not is_same(then, now)  # pyright: ignore[reportUnknownArgumentType]
    return then != now


def _changed_files(before: VersionRecord, after: VersionRecord) -> Document:
    pairs = zip(before.artifacts, after.artifacts, strict=False)
    return {
        f"artifacts.{index}": now.model_dump(by_alias=True)
        for index, (then, now) in enumerate(pairs)
        if then is not now and then != now  # those that stayed are not looked into
    }
