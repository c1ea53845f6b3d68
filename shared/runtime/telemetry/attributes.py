"""What spans tell, by one name everywhere: ids by which one finds the same thing elsewhere.

An upload's id is not among them: it is its owner's. The id of its version is.
"""

from collections.abc import Mapping

from shared.domain.records import VersionRecord
from shared.domain.webhooks.records import DeliveryRecord
from shared.runtime.telemetry.tracing import Attribute


def version_attributes(version: VersionRecord) -> Mapping[str, Attribute | None]:
    """Return what is told of a version."""
    return {
        "registry.model": version.model,
        "registry.version": version.number,
        "registry.version_id": version.id,
        "registry.version_state": version.state,
    }


def message_attributes(
    topic: str, event_id: str, model: str, operation: str
) -> Mapping[str, Attribute | None]:
    """Return what is told of a model event as a message of Kafka: `send`, or `process`."""
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
        "messaging.message.id": event_id,
        "registry.event_id": event_id,
        "registry.model": model,
    }


def delivery_attributes(delivery: DeliveryRecord) -> Mapping[str, Attribute | None]:
    """Return what is told of an attempt to deliver; the receiver's address may be a secret."""
    return {
        "http.request.method": "POST",
        "registry.webhook": delivery.subscription,
        "registry.event_id": delivery.event_id,
        "registry.model": delivery.model or None,
        "registry.attempt": delivery.attempt_count + 1,
    }
