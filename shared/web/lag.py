"""How far a service is behind, as its readiness tells: for who has no metrics to look at."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer

from shared.database.client import limit_operations
from shared.domain.errors import Unavailable
from shared.kafka.consumer_health import ConsumerHealth
from shared.kafka.lag import lag_of
from shared.runtime.logs import get_logger
from shared.web.readiness import ANSWER_SECONDS

log = get_logger(__name__)


async def told_lag(
    consumer: AIOKafkaConsumer | None,
    health: ConsumerHealth,
    ages: Callable[[], Awaitable[Mapping[str, float]]],
) -> dict[str, Any]:
    """Return how many events are not handled, and in seconds how long the oldest one in hand, and
    the oldest of each queue, waits.

    `ages` asks the database for those of queues, by the names under which they are told. Of what
    nobody can tell now there is nothing.
    """
    told: dict[str, Any] = {}
    if (unread := await lag_of(consumer, health)) is not None:
        told["events"] = unread.records
        told["oldest_event_seconds"] = round(unread.age_seconds, 3)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            with limit_operations(ANSWER_SECONDS):
                found = await ages()
    except (Unavailable, TimeoutError):
        return told
    except Exception as error:
        # What no waiting mends must not keep readiness from its answer, which tells it otherwise.
        log.error("queues cannot be looked at", exc_info=error)
        return told
    return told | {name: round(seconds, 3) for name, seconds in found.items()}
