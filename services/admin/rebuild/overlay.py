"""What an event makes of a version's record: pure decisions, without any I/O."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from registry.schemas import Artifact, Deletion, ModelEvent
from shared.domain.object_keys import object_key
from shared.domain.records import (
    ArtifactRecord,
    DeletionRecord,
    HoldRecord,
    SessionRecord,
    VersionRecord,
    WorkRecord,
)
from shared.domain.transitions import derive_state
from shared.storage.listing import ListedObject

Outcome = Literal["confirmed", "ahead", "rebuilt", "updated", "differing"]

_OPEN = ("pending", "verifying")
"""A version goes from the one to the other without an event."""
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_ENDED: dict[str, Literal["aborted", "expired"]] = {
    "upload_aborted": "aborted",
    "upload_expired": "expired",
}
"""How a session ended, by the reason of its version."""
_FINDINGS = (
    *("state", "sha256", "sha256_state", "composite", "etag", "object_version"),
    *("format", "media_type", "details", "tensors", "location"),
)


def compare(record: VersionRecord | None, event: ModelEvent, *, edited: int = 0) -> Outcome:
    """Say what the newest event of a version's state means beside its record.

    `edited` is the sequence number of its newest edit, which the record may have instead.
    """
    if record is None:
        return "rebuilt"
    if record.sequence < event.sequence:
        return "updated"
    if record.sequence > max(event.sequence, edited):
        return "ahead"
    same = record.state == event.data.state or {record.state, event.data.state} <= {*_OPEN}
    return "confirmed" if same else "differing"


def overlay(
    base: VersionRecord, event: ModelEvent, *, now: datetime, ttl: timedelta
) -> VersionRecord:
    """Return `base` (what was opened, or an older record) with what the event tells.

    A version that the event calls ready, without telling what was found of each file, is left to
    verification. An upload that is still open gets at least `ttl` from now on.
    """
    data = event.data
    told = base.model_copy(
        update={
            "sequence": event.sequence,
            "artifacts": _with_findings(base.artifacts, data.artifacts),
            "reasons": data.reasons,
            "lineage": base.lineage if data.lineage is None else data.lineage,
            "failure": None,
            "work": None,
            "archived_at": data.archived_at,
            "hold": HoldRecord.model_validate(data.hold.model_dump()) if data.hold else None,
            "deletion": None,
        }
    )
    if data.deletion is not None:
        return _deleted(told, data.deletion, event, not_before=now + ttl)
    if data.state in ("rejected", "missing", "deleted"):
        return told.model_copy(update={"state": data.state, "session": _ended(base.session, event)})
    if data.state != "ready":
        return reopened(told.model_copy(update={"ready_at": None}), now=now, ttl=ttl)
    derived = derive_state(told.artifacts, [], None, event.time)
    is_ready = derived["state"] == "ready"
    # What was ready once must not expire, and lose its bytes by that, while it is verified again;
    # nor is it held against rules that came later.
    session = _ended(base.session, event) if is_ready else _prolonged(base.session, _NEVER)
    since = base.ready_at or data.ready_at or event.time
    return told.model_copy(update={**derived, "ready_at": since, "session": session})


def _deleted(
    told: VersionRecord, deletion: Deletion, event: ModelEvent, *, not_before: datetime
) -> VersionRecord:
    """Return a deleted version: it is purged when it is due, unless it is already, or held.

    Not before others are told of that may refer to its bytes. Of what is purged already one is
    taken to do so, until they are counted.
    """
    purged_at = deletion.purged_at
    kept = DeletionRecord.model_validate({**deletion.model_dump(), "purge_began_at": purged_at})
    was_ready = deletion.state_before in ("ready", "missing")
    is_due = purged_at is None and told.hold is None
    due_at = max(kept.purge_due_at, not_before)
    artifacts = [
        each.model_copy(update={"references": each.references or 1})
        if purged_at is not None and each.location is None
        else each
        for each in told.artifacts
    ]
    return told.model_copy(
        update={
            "state": "deleted",
            "deletion": kept,
            "artifacts": artifacts,
            "ready_at": told.ready_at or (event.data.ready_at or event.time if was_ready else None),
            "work": WorkRecord(kind="purge", due_at=due_at) if is_due else None,
            "session": _ended(told.session, event),
        }
    )


def reopened(manifest: VersionRecord, *, now: datetime, ttl: timedelta) -> VersionRecord:
    """Return a version that nobody was told is ready: to be verified again, by what is left to do.

    An upload that is open gets `ttl` anew. What was completed is joined, and what has all of its
    bytes becomes ready, and is announced, by the worker that looks for parts to join.
    """
    session = _prolonged(manifest.session, now + ttl)
    join = WorkRecord(kind="join", due_at=now)
    is_completed = session is not None and session.state == "completed"
    derived = derive_state(manifest.artifacts, [], join if is_completed else None, now)
    if derived["state"] == "ready":
        derived = {"state": "pending", "work": join}
    return manifest.model_copy(update={**derived, "session": session})


def opened_by(event: ModelEvent, objects: Iterable[ListedObject]) -> VersionRecord | None:
    """Return what can be told of a version that has no manifest; None without any file.

    Its files are those that the event names, else the objects under its key; a purged version has
    neither manifest nor objects, and is known nevertheless.
    """
    data = event.data
    prefix = object_key(data.model, data.number, "")
    artifacts = [
        ArtifactRecord(
            path=each.path,
            key=each.key,
            location=each.location,
            size_bytes=each.size_bytes,
            kind="object",
        )
        for each in data.artifacts
    ] or [
        ArtifactRecord(
            path=each.key.removeprefix(prefix),
            key=each.key,
            size_bytes=each.size_bytes,
            kind="object",
        )
        for each in objects
    ]
    if not artifacts and data.deletion is None:
        return None
    return VersionRecord(
        id=data.version_id,
        model=data.model,
        number=data.number,
        label=data.label,
        source=data.source or ("upload" if data.upload_id else "object"),
        storage_group=data.storage_group,
        artifacts=artifacts,
        lineage=data.lineage or [],
        size_bytes=sum(artifact.size_bytes for artifact in artifacts),
        created_at=event.time,
    )


def _with_findings(
    artifacts: Iterable[ArtifactRecord], found: Iterable[Artifact]
) -> list[ArtifactRecord]:
    findings = {each.path: each for each in found}
    return [
        artifact.model_copy(update=_findings(findings[artifact.path]))
        if artifact.path in findings
        else artifact
        for artifact in artifacts
    ]


def _findings(found: Artifact) -> dict[str, Any]:
    fields = {name: getattr(found, name) for name in _FINDINGS}
    if found.sha256_state == "claimed":
        fields["claimed_sha256"] = found.sha256
    return fields


def _ended(session: SessionRecord | None, event: ModelEvent) -> SessionRecord | None:
    if session is None:
        return None
    data = event.data
    was = data.state if data.deletion is None else data.deletion.state_before
    if was != "rejected":
        return session.model_copy(update={"state": "completed"})
    ends = [_ENDED[each.code] for each in data.reasons if each.code in _ENDED]
    return session.model_copy(update={"state": ends[0]}) if ends else session


def _prolonged(session: SessionRecord | None, until: datetime) -> SessionRecord | None:
    if session is None:
        return None
    return session.model_copy(update={"expires_at": max(session.expires_at, until)})
