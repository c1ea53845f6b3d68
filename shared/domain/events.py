"""Model events as they wait in the outbox and leave on Kafka."""

from datetime import datetime

from pydantic import ValidationError

from registry.schemas import (
    AliasChange,
    Artifact,
    Deletion,
    EventData,
    EventType,
    Hold,
    ModelEvent,
    NamespaceEvent,
    ProposalChange,
    RulesChange,
    WebhookEvent,
)
from shared.domain.aliases import MoveRecord
from shared.domain.edits import EditRecord, told_edit
from shared.domain.proposals import ProposalRecord
from shared.domain.records import ArtifactRecord, VersionRecord, utc_now
from shared.domain.rules import RulesRecord
from shared.domain.traces import TraceRecord

DEFAULT_SOURCE = "/model-registry"
"""Source of the events of a registry that was given no name of its own."""
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
"""Structured mode: https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/kafka-protocol-binding.md"""


AnyEvent = ModelEvent | NamespaceEvent | WebhookEvent

MAX_EVENT_BYTES = 900_000
"""Under Kafka's default limit of 1 MiB for one message: an event beyond it would stop the line."""


def key_of(event: AnyEvent) -> str:
    """Return what an event's order is kept by: its model, or what is no model's name."""
    if isinstance(event, ModelEvent):
        return event.data.model
    return event.data.scope if isinstance(event, NamespaceEvent) else event.subject


def traced_event(event: AnyEvent, trace: TraceRecord) -> AnyEvent:
    """Return the event with the trace in which it was recorded, unless it tells of one already."""
    if event.traceparent is not None:
        return event
    told = {"traceparent": trace.traceparent, "tracestate": trace.tracestate}
    return event.model_copy(update=told)


def version_event(
    kind: EventType, record: VersionRecord, source: str = DEFAULT_SOURCE
) -> ModelEvent:
    """Tell of a version's state; `record.sequence` is the event's own sequence number.

    The artifacts are left out where they would make the event too large for Kafka.
    """
    return _sized(_event(kind, record, source, record.artifacts))


def alias_event(
    move: MoveRecord, record: VersionRecord, source: str = DEFAULT_SOURCE
) -> ModelEvent:
    """Tell of a move of an alias, with the version that it points at, or did so.

    The artifacts are left out where they would make the event too large for Kafka.
    """
    told = AliasChange(
        name=move.alias,
        revision=move.revision,
        from_number=move.from_number,
        to_number=move.to_number,
        by=move.by,
        reason=move.reason,
        proposed_by=move.proposed_by,
        proposal=move.proposal,
    )
    of_version = _event("registry.alias.moved.v1", record, source, record.artifacts)
    return _beside(
        of_version,
        {"alias": told},
        subject=f"{move.model}@{move.alias}",
        time=move.at,
        sequence=move.sequence,
    )


def proposal_event(
    proposal: ProposalRecord,
    record: VersionRecord,
    *,
    sequence: int,
    source: str = DEFAULT_SOURCE,
) -> ModelEvent:
    """Tell of a proposed move, or that it was withdrawn or rejected, with the version it is about.

    That one was approved is told by the move. The artifacts are left out where they would make the
    event too large for Kafka.
    """
    told = ProposalChange.model_validate(
        {**proposal.model_dump(), "proposed_at": proposal.at, "closed_by": proposal.closed_by}
    )
    is_open = proposal.state == "open"
    kind: EventType = "registry.alias.proposed.v1" if is_open else "registry.alias.withdrawn.v1"
    return _beside(
        _event(kind, record, source, record.artifacts),
        {"proposal": told},
        subject=f"{proposal.model}@{proposal.alias}",
        time=proposal.closed_at or proposal.at,
        sequence=sequence,
    )


def rules_event(
    rules: RulesRecord, newest: VersionRecord, source: str = DEFAULT_SOURCE
) -> ModelEvent:
    """Tell of a change of a model's rules, with the model's newest version.

    The artifacts are left out where they would make the event too large for Kafka.
    """
    return _beside(
        _event("registry.model.rules.v1", newest, source, newest.artifacts),
        {"rules": _told(rules)},
        subject=newest.model,
        time=rules.at,
        sequence=rules.sequence,
    )


def namespace_event(rules: RulesRecord, source: str = DEFAULT_SOURCE) -> NamespaceEvent:
    """Tell of a change of the rules of a namespace, or of all models."""
    return NamespaceEvent(
        id=f"{rules.scope}-{rules.revision}",
        source=source,
        subject=rules.scope,
        time=rules.at,
        sequence=rules.sequence,
        data=_told(rules),
    )


def _told(rules: RulesRecord) -> RulesChange:
    return RulesChange(scope=rules.scope, revision=rules.revision, by=rules.by, rules=rules.rules)


def _beside(
    of_version: ModelEvent,
    told: dict[str, object],
    *,
    subject: str,
    time: datetime,
    sequence: int,
) -> ModelEvent:
    """Return the event of something else, beside the version as it is."""
    return _sized(
        of_version.model_copy(
            update={
                "id": f"{of_version.data.version_id}-{sequence}",
                "subject": subject,
                "time": time,
                "sequence": sequence,
                "data": of_version.data.model_copy(update=told),
            }
        )
    )


def edit_event(edit: EditRecord, record: VersionRecord, source: str = DEFAULT_SOURCE) -> ModelEvent:
    """Tell of an edit of a version, or of its model: then `record` is the model's newest version.

    The artifacts are left out where they would make the event too large for Kafka.
    """
    is_of_model = edit.number is None
    kind: EventType = "registry.model.edited.v1" if is_of_model else "registry.version.edited.v1"
    of_version = _event(kind, record, source, record.artifacts)
    told = {"model_edit" if is_of_model else "edit": told_edit(edit)}
    return _sized(
        of_version.model_copy(
            update={
                "id": f"{record.id}-{edit.sequence}",
                "subject": edit.model if is_of_model else of_version.subject,
                "time": edit.at,
                "sequence": edit.sequence,
                "data": of_version.data.model_copy(update=told),
            }
        )
    )


def _sized(event: ModelEvent) -> ModelEvent:
    """Return the event, without its artifacts where it is too large with them."""
    artifacts = event.data.artifacts
    small = sum(len(a.path) + len(a.key) + 500 for a in artifacts) < MAX_EVENT_BYTES // 8
    small = small and event.data.edit is None and event.data.model_edit is None
    if small or len(event.model_dump_json().encode()) <= MAX_EVENT_BYTES:
        return event
    return _bare(event)


def _bare(event: ModelEvent) -> ModelEvent:
    """Return the event without its artifacts."""
    return event.model_copy(update={"data": event.data.model_copy(update={"artifacts": []})})


def without_artifacts(body: bytes) -> bytes | None:
    """Return the event without its artifacts; None where it has none."""
    try:
        event = ModelEvent.model_validate_json(body)
    except ValidationError:
        return None  # it tells of no model
    if not event.data.artifacts:
        return None
    return _bare(event).model_dump_json(exclude_none=True).encode()


def _deletion(record: VersionRecord) -> Deletion | None:
    return Deletion.model_validate(record.deletion.model_dump()) if record.deletion else None


def _event(
    kind: EventType, record: VersionRecord, source: str, artifacts: list[ArtifactRecord]
) -> ModelEvent:
    return ModelEvent(
        id=f"{record.id}-{record.sequence}",
        source=source,
        type=kind,
        subject=f"{record.model}/{record.number}",
        time=utc_now(),
        sequence=record.sequence,
        data=EventData(
            model=record.model,
            number=record.number,
            label=record.label,
            version_id=record.id,
            source=record.source,
            state=record.state,
            storage_group=record.storage_group,
            artifacts=[Artifact.model_validate(a.model_dump()) for a in artifacts],
            ready_at=record.ready_at,
            reasons=record.reasons[:100],
            archived_at=record.archived_at,
            hold=Hold.model_validate(record.hold.model_dump()) if record.hold else None,
            deletion=_deletion(record),
            lineage=record.lineage,
        ),
    )
