"""Model events as they come back from their topic."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import ValidationError

from registry.schemas import ModelEvent, NamespaceEvent, WebhookEvent
from services.admin.rebuild.event_log import EventLog
from services.admin.rebuild.report import RebuildReport
from shared.domain.events import AnyEvent
from shared.kafka.topic_reader import Extent, RawMessage, TopicReader


@dataclass(frozen=True, slots=True)
class OwnEvents:
    """Events of this registry, in the order of their messages."""

    models: list[ModelEvent] = field(default_factory=list[ModelEvent])
    namespaces: list[NamespaceEvent] = field(default_factory=list[NamespaceEvent])


async def log_events(
    reader: TopicReader, extent: Extent, report: RebuildReport, source: str
) -> EventLog:
    """Read every event of the source, and tell in the report what is wrong with them.

    Raises KafkaUnreadable.
    """
    log = EventLog()
    async for records in reader.read(extent):
        report.events += len(records)
        told = read_events(records, report, source)
        for event in told.models:
            log.add(event)
        for event in told.namespaces:
            log.add_namespace(event)
    report.repeated, report.disorder, report.gaps = log.repeated, log.disorder, log.gaps()
    return log


def read_events(
    records: Iterable[RawMessage], report: RebuildReport | None, source: str
) -> OwnEvents:
    """Return the events of the records that have this source: other registries' are not ours.

    What is none, or another registry's, is told in the report, where there is one.
    """
    told = OwnEvents()
    for record in records:
        event = _event(record)
        if event is None:
            if report is not None:
                report.errors.add(f"message {record.partition}/{record.offset} is no model event")
        elif event.source != source:
            if report is not None:
                report.foreign.add(f"{event.source} tells of {event.subject}")
        elif isinstance(event, WebhookEvent):
            continue  # a webhook is no state of a model: nothing is rebuilt from it
        elif isinstance(event, NamespaceEvent):
            told.namespaces.append(event)
        else:
            told.models.append(event)
    return told


def _event(record: RawMessage) -> AnyEvent | None:
    for kind in (ModelEvent, NamespaceEvent, WebhookEvent):
        try:
            return kind.model_validate_json(record.value or b"")
        except ValidationError:
            continue
    return None
