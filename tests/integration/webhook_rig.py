"""A notifier's halves as tests run them: records of the topic, and its dispatch in this process."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from services.notifier.context import Context
from services.notifier.sending.dispatcher import Dispatcher
from services.notifier.sending.sender import Sender
from shared.database.client import Database
from shared.database.webhooks import deliveries, queues
from shared.database.webhooks.deliveries import DeliveryFilter
from shared.domain.access.decision import EVERY_NAME
from shared.domain.records import utc_now
from shared.domain.webhooks.records import DeliveryRecord, SubscriptionRecord, queue_of
from shared.kafka.dead_letters import DeadLetter, RawMessage
from shared.runtime.settings import Settings
from tests.support.eventually import eventually

ALL = DeliveryFilter(EVERY_NAME)


def message(model: str, number: int, **changes: Any) -> RawMessage:
    """A record of the topic."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"{model}-{number}",
        "source": "/model-registry",
        "type": "registry.version.ready.v1",
        "subject": f"{model}/1",
        "time": utc_now().isoformat(),
        "sequence": number,
        "data": {"model": model, "version_id": "absent"},
        **changes,
    }
    return raw(json.dumps(event).encode())


def raw(value: bytes | None) -> RawMessage:
    return RawMessage("model-events", 0, 7, 0, 0, None, value, None, 0, 0, ())


class Buried(list[DeadLetter]):
    """Dead letters that were sent."""

    async def __call__(self, letter: DeadLetter) -> None:
        self.append(letter)


async def listed(database: Database, webhook: str) -> Sequence[DeliveryRecord]:
    """The deliveries of a subscription by their numbers."""
    found = await deliveries.list_deliveries(database, webhook, ALL, before=None, limit=100)
    return sorted(found, key=lambda each: each.sequence)


async def waiting_queue(database: Database, webhook: str, model: str) -> Any:
    due = await queues.due_queues(database, without=(), limit=1000)
    return next((each for each in due if each.id == queue_of(webhook, model)), None)


@asynccontextmanager
async def dispatching(database: Database, settings: Settings) -> AsyncGenerator[Dispatcher]:
    """A notifier's sending half, in this process."""
    async with Sender.open(settings) as sender:
        dispatcher = Dispatcher(Context.create(settings, database), sender)
        running = asyncio.create_task(cast(Any, dispatcher.run()))
        try:
            yield dispatcher
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def until(database: Database, made: SubscriptionRecord, *states: str) -> None:
    async def look() -> bool | None:
        found = [each.state for each in await listed(database, made.id)]
        return True if found == list(states) else None

    await eventually(look)
