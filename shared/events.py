"""Model events as they wait in the outbox and leave on Kafka."""

from registry.schemas import Artifact, EventData, EventType, ModelEvent
from shared.records import VersionRecord, utc_now

EVENT_SOURCE = "/model-registry"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
"""Structured mode: https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/kafka-protocol-binding.md"""


def version_event(kind: EventType, record: VersionRecord) -> ModelEvent:
    """Tell of a version's state; `record.sequence` is the event's own sequence number."""
    return ModelEvent(
        id=f"{record.id}-{record.sequence}",
        source=EVENT_SOURCE,
        type=kind,
        subject=f"{record.model}/{record.number}",
        time=utc_now(),
        sequence=record.sequence,
        data=EventData(
            model=record.model,
            number=record.number,
            label=record.label,
            version_id=record.id,
            upload_id=record.id if record.session else None,
            state=record.state,
            storage_group=record.storage_group,
            artifacts=[Artifact.model_validate(a.model_dump()) for a in record.artifacts],
            reasons=record.reasons,
        ),
    )
