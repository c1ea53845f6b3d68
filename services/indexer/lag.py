"""How far the indexer is behind, as its readiness tells: for who has no metrics to look at."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer

from services.indexer.context import Context
from shared.database.client import limit_operations
from shared.database.depths import (
    WORK_KINDS,
    depth_of_folders,
    depth_of_outbox,
    depth_of_work,
)
from shared.domain.errors import Unavailable
from shared.kafka.consumer_health import ConsumerHealth
from shared.kafka.lag import lag_of
from shared.runtime.logs import get_logger
from shared.web.readiness import ANSWER_SECONDS

log = get_logger(__name__)


async def indexer_lag(
    context: Context, consumer: AIOKafkaConsumer | None, health: ConsumerHealth
) -> dict[str, Any]:
    """Return how many events are not handled, and in seconds how long the oldest of each queue
    waits.

    Of what nobody can tell now there is nothing.
    """
    told: dict[str, Any] = {}
    if (unread := await lag_of(consumer, health)) is not None:
        told["events"] = unread.records
        told["oldest_event_seconds"] = round(unread.age_seconds, 3)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            with limit_operations(ANSWER_SECONDS):
                outbox, folders, *of_kinds = await asyncio.gather(
                    depth_of_outbox(context.database, most=1),
                    depth_of_folders(context.database, most=1),
                    *(depth_of_work(context.database, kind, most=1) for kind in WORK_KINDS),
                )
    except (Unavailable, TimeoutError):
        return told
    except Exception as error:
        # What no waiting mends must not keep readiness from its answer, which tells it otherwise.
        log.error("queues cannot be looked at", exc_info=error)
        return told
    told["oldest_unpublished_seconds"] = round(outbox.seconds, 3)
    told["oldest_work_seconds"] = round(max(d.seconds for d in (folders, *of_kinds)), 3)
    return told
