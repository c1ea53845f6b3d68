"""Publishing model events to Kafka, each confirmed by all in-sync replicas."""

from services.indexer.publish.sink import EventRefused
from shared.database.outbox import PendingEvent
from shared.domain.events import CONTENT_TYPE
from shared.kafka.errors import MessageRefused
from shared.kafka.publishing import ConfirmedPublisher


class KafkaPublisher(ConfirmedPublisher):
    """Sends what the relay has; every method raises KafkaUnavailable, and may be repeated then."""

    async def send(self, event: PendingEvent) -> None:
        """Publish a model event, a CloudEvent under its model's name; raises EventRefused."""
        try:
            await self.confirmed(
                self._settings.kafka_model_events_topic,
                event.model.encode(),
                event.body,
                {"content-type": CONTENT_TYPE},
            )
        except MessageRefused as error:
            raise EventRefused(str(error)) from error
