"""How far the notifier is behind, as its readiness tells."""

from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer

from services.notifier.context import Context
from shared.database.webhooks.queues import oldest_due
from shared.kafka.consumer_health import ConsumerHealth
from shared.web.lag import told_lag


async def notifier_lag(
    context: Context, consumer: AIOKafkaConsumer | None, health: ConsumerHealth
) -> dict[str, Any]:
    """Return how many events are not handled, and how long the oldest queue waits.

    A queue that rests after a failure is not late.
    """

    async def ages() -> Mapping[str, float]:
        known = context.subscriptions.known()
        without = [each.id for each in known if not each.is_sending]
        waits = await oldest_due(context.database, without=without)
        return {"oldest_delivery_seconds": waits.total_seconds()}

    return await told_lag(consumer, health, ages)
