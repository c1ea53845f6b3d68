"""Subscriptions and deliveries as tests record them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from shared.database.client import Database
from shared.database.webhooks.subscriptions import add_subscription
from shared.domain.records import utc_now
from shared.domain.webhooks.records import (
    DeliveryRecord,
    SecretRecord,
    SecretsRecord,
    SubscriptionRecord,
    delivery_of,
    queue_of,
)
from shared.domain.webhooks.signing import new_secret

OWNER = "administrator"
KEPT = timedelta(days=30)


async def subscribed(database: Database, **fields: Any) -> SubscriptionRecord:
    """Record a subscription with a secret."""
    webhook, now = uuid4().hex, utc_now()
    usual: dict[str, Any] = {
        "id": webhook,
        "url": "https://example.com/",
        "models": ["*"],
        "owner": OWNER,
        "made_by": OWNER,
        "created_at": now,
        "changed_at": now,
    }
    record = SubscriptionRecord.model_validate({**usual, **fields})
    secrets = SecretsRecord(id=record.id, secrets=[SecretRecord(text=new_secret())])
    await add_subscription(database, record, secrets)
    return record


def delivery(webhook: str, model: str, sequence: int, **fields: Any) -> DeliveryRecord:
    """A delivery that waits."""
    event_id, now = f"{model}-{sequence}", utc_now()
    usual: dict[str, Any] = {
        "id": delivery_of(webhook, event_id),
        "subscription": webhook,
        "event_id": event_id,
        "type": "registry.version.ready.v1",
        "model": model,
        "sequence": sequence,
        "body": "{}",
        "waiting_in": queue_of(webhook, model),
        "recorded_at": now,
        "forget_at": now + KEPT,
    }
    return DeliveryRecord.model_validate({**usual, **fields})
