"""Publishing model events to Kafka, each confirmed by all in-sync replicas."""

from faststream.kafka import KafkaBroker

from services.indexer.figures.counts import Counts, NotCounted
from services.indexer.publish.sink import EventRefused
from shared.database.outbox import PendingEvent
from shared.domain.events import CONTENT_TYPE
from shared.kafka.errors import MessageRefused
from shared.kafka.publishing import ConfirmedPublisher
from shared.runtime.settings import Settings
from shared.runtime.telemetry.attributes import message_attributes
from shared.runtime.telemetry.tracing import child_of


class KafkaPublisher(ConfirmedPublisher):
    """Sends what the relay has; every method raises KafkaUnavailable, and may be repeated then."""

    def __init__(
        self, broker: KafkaBroker, settings: Settings, counts: Counts | None = None
    ) -> None:
        self._counts = counts or NotCounted()
        super().__init__(broker, settings, self._counts.buried)

    async def send(self, event: PendingEvent) -> None:
        """Publish a model event, a CloudEvent under its model's name; raises EventRefused."""
        topic = self._settings.kafka_model_events_topic
        headers = {"content-type": CONTENT_TYPE}
        with child_of(event.trace, "send model event", "producer") as span:
            if span is not None:
                span.set(message_attributes(topic, event.id, event.model, "send"))
                headers |= span.trace.headers()
            try:
                await self.confirmed(topic, event.model.encode(), event.body, headers)
            except MessageRefused as error:
                raise EventRefused(str(error)) from error
        self._counts.event_published()
