"""How far the notifier is behind, as its readiness tells: for who has no metrics to look at."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer

from services.notifier.context import Context
from shared.database.client import limit_operations
from shared.database.webhooks.queues import oldest_due
from shared.domain.errors import Unavailable
from shared.kafka.consumer_health import ConsumerHealth
from shared.kafka.lag import lag_of
from shared.runtime.logs import get_logger
from shared.web.readiness import ANSWER_SECONDS

log = get_logger(__name__)


async def notifier_lag(
    context: Context, consumer: AIOKafkaConsumer | None, health: ConsumerHealth
) -> dict[str, Any]:
    """Return how many events are not handled, and in seconds how long the oldest one in hand and
    the oldest queue wait.

    Of what nobody can tell now there is nothing. A queue that rests after a failure is not late.
    """
    told: dict[str, Any] = {}
    if (unread := await lag_of(consumer, health)) is not None:
        told["events"] = unread.records
        told["oldest_event_seconds"] = round(unread.age_seconds, 3)
    known = context.subscriptions.known()
    without = [each.id for each in known if not each.is_sending]
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            with limit_operations(ANSWER_SECONDS):
                waits = await oldest_due(context.database, without=without)
    except (Unavailable, TimeoutError):
        return told
    except Exception as error:
        # What no waiting mends must not keep readiness from its answer, which tells it otherwise.
        log.error("queues cannot be looked at", exc_info=error)
        return told
    told["oldest_delivery_seconds"] = round(waits.total_seconds(), 3)
    return told
