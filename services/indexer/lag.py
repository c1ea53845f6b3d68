"""How far the indexer is behind, as its readiness tells."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer

from services.indexer.context import Context
from shared.database.depths import (
    WORK_KINDS,
    depth_of_folders,
    depth_of_outbox,
    depth_of_work,
)
from shared.kafka.consumer_health import ConsumerHealth
from shared.web.lag import told_lag


async def indexer_lag(
    context: Context, consumer: AIOKafkaConsumer | None, health: ConsumerHealth
) -> dict[str, Any]:
    """Return how many events are not handled, and how long the oldest of each queue waits."""

    async def ages() -> Mapping[str, float]:
        outbox, folders, *of_kinds = await asyncio.gather(
            depth_of_outbox(context.database, most=1),
            depth_of_folders(context.database, most=1),
            *(depth_of_work(context.database, kind, most=1) for kind in WORK_KINDS),
        )
        return {
            "oldest_unpublished_seconds": outbox.seconds,
            "oldest_work_seconds": max(depth.seconds for depth in (folders, *of_kinds)),
        }

    return await told_lag(consumer, health, ages)
