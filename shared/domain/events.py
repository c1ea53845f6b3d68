"""Model events as they wait in the outbox and leave on Kafka."""

from registry.schemas import AliasChange, Artifact, EventData, EventType, ModelEvent
from shared.domain.aliases import MoveRecord
from shared.domain.records import ArtifactRecord, VersionRecord, utc_now

DEFAULT_SOURCE = "/model-registry"
"""Source of the events of a registry that was given no name of its own."""
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
"""Structured mode: https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/kafka-protocol-binding.md"""


MAX_EVENT_BYTES = 900_000
"""Under Kafka's default limit of 1 MiB for one message: an event beyond it would stop the line."""


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
    of_version = _event("registry.alias.moved.v1", record, source, record.artifacts)
    told = AliasChange(
        name=move.alias,
        revision=move.revision,
        from_number=move.from_number,
        to_number=move.to_number,
        by=move.by,
        reason=move.reason,
    )
    return _sized(
        of_version.model_copy(
            update={
                "id": f"{record.id}-{move.sequence}",
                "subject": f"{move.model}@{move.alias}",
                "time": move.at,
                "sequence": move.sequence,
                "data": of_version.data.model_copy(update={"alias": told}),
            }
        )
    )


def _sized(event: ModelEvent) -> ModelEvent:
    """Return the event, without its artifacts where it is too large with them."""
    artifacts = event.data.artifacts
    small = sum(len(a.path) + len(a.key) + 500 for a in artifacts) < MAX_EVENT_BYTES // 8
    if small or len(event.model_dump_json().encode()) <= MAX_EVENT_BYTES:
        return event
    return _bare(event)


def _bare(event: ModelEvent) -> ModelEvent:
    """Return the event without its artifacts."""
    return event.model_copy(update={"data": event.data.model_copy(update={"artifacts": []})})


def without_artifacts(body: bytes) -> bytes | None:
    """Return the event without its artifacts; None where it has none."""
    event = ModelEvent.model_validate_json(body)
    if not event.data.artifacts:
        return None
    return _bare(event).model_dump_json(exclude_none=True).encode()


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
            lineage=record.lineage,
        ),
    )
