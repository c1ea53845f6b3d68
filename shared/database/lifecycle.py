"""What becomes of versions once they are opened: settled, ended, missing, present again.

Each is one transaction: state, sequence number and outbox event.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType

from registry.schemas import SETTLED, Reason
from shared.database.announcing import VersionChange, announce
from shared.database.client import Database
from shared.database.collection import Document, Transaction, find_each
from shared.database.errors import DatabaseContended
from shared.database.handles import give_back_handles, give_client_handles
from shared.database.models import read_counters, set_latest
from shared.database.references import count_references
from shared.database.versions import Versions
from shared.domain.blobs import without_locations
from shared.domain.records import VersionRecord, WorkRecord
from shared.domain.sessions import awaits_settling, close_session_if_settled
from shared.domain.transitions import (
    EVENT_OF_STATE,
    Verdict,
    apply_verdicts,
    confirmation,
    derive_state,
)
from shared.runtime.telemetry.attributes import version_attributes
from shared.runtime.telemetry.tracing import Span, children_of, current_trace

CONFLICTS_TOGETHER = 2
"""After so many conflicts, a batch of versions is settled in two halves."""

NO_SPANS: Mapping[str, Span] = MappingProxyType({})
Findings = list[tuple[str, list[Verdict]]]
"""Verdicts by version, in order."""


async def settle(database: Database, verdicts: Sequence[Verdict]) -> list[VersionRecord]:
    """Apply verdicts, and return the versions whose state they changed or renewed, in order.

    A verdict on a version that is settled, on an artifact that is verified, or under a lease that
    was lost, changes nothing: repeats and late workers are harmless. Where others are at work on
    the same models, halves of it are settled on their own, in order, so that it gets on. Raises
    DatabaseContended and DatabaseUnavailable; what was settled until then stays.
    """
    by_version: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_version[verdict.version_id].append(verdict)
    with _recording(by_version) as spans:
        settled = await _settle_in_batches(database, by_version, spans)
        for record in settled:
            if record.id in spans:
                spans[record.id].set(version_attributes(record))
    return settled


async def _settle_in_batches(
    database: Database, by_version: Mapping[str, list[Verdict]], spans: Mapping[str, Span]
) -> list[VersionRecord]:
    settled: list[VersionRecord] = []
    waiting = deque([list(by_version.items())] if by_version else [])
    while waiting:
        batch = waiting.popleft()
        try:
            settled += await _settle_together(database, batch, spans)
        except DatabaseContended:
            if len(batch) == 1:
                raise
            half = len(batch) // 2
            waiting.extendleft([batch[half:], batch[:half]])
    return settled


def _recording(
    by_version: Mapping[str, list[Verdict]],
) -> AbstractContextManager[Mapping[str, Span]]:
    """Have a span for each version, caused by the last look at it: it may have been the one that
    was waited for."""
    here = current_trace()
    causes = ((version, found[-1].trace or here) for version, found in by_version.items())
    return children_of(causes, "record version")


async def settle_whole(
    database: Database, record: VersionRecord, tell: Callable[[VersionRecord], None]
) -> VersionRecord:
    """Make an open version ready all of whose bytes are stored already; returns it as it is then.

    Nothing where it is anything else; `tell` is called where this made it ready. Raises
    DatabaseContended and DatabaseUnavailable.
    """
    if not awaits_settling(record):
        return record
    now = await database.now()

    def decide(found: VersionRecord) -> VersionRecord | None:
        if not awaits_settling(found):
            return None
        derived = derive_state(found.artifacts, [], found.work, now)
        # Also of work that was given up, whose failure is over now.
        ready = found.model_copy(update={"failure": None, **derived})
        return close_session_if_settled(ready, now)

    if (settled := await _change(database, record.id, decide)) is not None:
        tell(settled)
    return settled or await Versions(database).get(record.id) or record


async def reject(
    database: Database, version_id: str, reason: Reason, *, session_state: str | None = None
) -> VersionRecord | None:
    """Reject a version that is not settled yet; None where it is settled or unknown.

    With `session_state` its upload ends so, and removing its bytes is left as work to do; None
    where the upload is not open any more, since whoever ended it came first.
    """
    now = await database.now()

    def decide(found: VersionRecord) -> VersionRecord | None:
        if found.state in SETTLED:
            return None
        changes: Document = {"state": "rejected", "reasons": [reason], "work": None}
        if session_state is None:
            return close_session_if_settled(found.model_copy(update=changes), now)
        if found.session is None or found.session.state != "open":
            return None
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


async def mark_present(database: Database, version_id: str) -> VersionRecord | None:
    """Record that a missing version has all its objects again; None where it is not missing."""
    now = await database.now()

    def decide(found: VersionRecord) -> VersionRecord | None:
        if found.state != "missing":
            return None
        work = confirmation(found.artifacts, now)
        return found.model_copy(update={"state": "ready", "reasons": [], "work": work})

    return await _change(database, version_id, decide)


async def _settle_together(
    database: Database, batch: Findings, spans: Mapping[str, Span]
) -> list[VersionRecord]:
    now = await database.now()

    async def settle_them(transaction: Transaction) -> list[VersionRecord]:
        before = await _read(database, [version_id for version_id, _ in batch], transaction)
        after = [
            record
            for version_id, found in batch
            if version_id in before
            and (record := apply_verdicts(before[version_id], found, now)) is not before[version_id]
        ]
        records = await _write(database, before, after, transaction, spans)
        return [record for record in records if _is_news(before[record.id], record)]

    # A single version is tried until the deadline: it cannot be halved.
    tries = CONFLICTS_TOGETHER if len(batch) > 1 else None
    return await database.transaction(settle_them, tries=tries)


def _is_news(before: VersionRecord, after: VersionRecord) -> bool:
    """Whether the state changed, or work on it that was given up begins anew."""
    return after.state != before.state or after.failure != before.failure


async def _change(
    database: Database,
    version_id: str,
    decide: Callable[[VersionRecord], VersionRecord | None],
) -> VersionRecord | None:
    """Change one version as `decide` says, which is given what the transaction has read."""

    async def change_it(transaction: Transaction) -> VersionRecord | None:
        before = await _read(database, [version_id], transaction)
        found = before.get(version_id)
        after = decide(found) if found is not None else None
        if after is None:
            return None
        [record] = await _write(database, before, [after], transaction)
        return record

    return await database.transaction(change_it)


async def _read(
    database: Database, version_ids: Sequence[str], transaction: Transaction
) -> dict[str, VersionRecord]:
    return {
        found["_id"]: VersionRecord.model_validate(found)
        async for found in find_each(database.versions, "_id", version_ids, transaction)
    }


async def _write(
    database: Database,
    before: dict[str, VersionRecord],
    after: Sequence[VersionRecord],
    transaction: Transaction,
    spans: Mapping[str, Span] = NO_SPANS,
) -> list[VersionRecord]:
    """Write the changed versions, and what follows from it; their events tell of these spans."""
    if not after:
        return []
    after = [without_locations(each) if each.state == "rejected" else each for each in after]
    changed = [before[record.id] for record in after]
    await count_references(database, changed, after, transaction)
    changes = [
        VersionChange(
            before[record.id],
            record,
            EVENT_OF_STATE.get(record.state),
            trace=spans[record.id].trace if record.id in spans else None,
        )
        for record in after
    ]
    told = {change.after.model for change in changes if change.event is not None}
    counters = await read_counters(database, told, transaction)
    records = await announce(database, changes, counters, transaction)
    rejected = [record for record in records if record.state == "rejected"]
    await give_back_handles(database, rejected, transaction)
    ready = [record for record in records if record.state == "ready"]
    await give_client_handles(database, ready, transaction)
    for record in records:
        if record.state == "missing":
            await set_latest(database, record.model, transaction)
    return records
