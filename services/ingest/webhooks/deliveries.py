"""Deliveries that are asked for: made again, or to try whether a receiver takes them."""

import json

from registry.schemas.webhooks import Replay, ReplayRequest, WebhookDelivery
from services.ingest.context import Context
from services.ingest.webhooks.webhooks import managed
from shared.database.webhooks import deliveries, queues
from shared.database.webhooks.deliveries import DeliveryFilter
from shared.domain.access.audit import Change
from shared.domain.errors import Conflict, NotFound
from shared.domain.moments import possible
from shared.domain.records import new_id
from shared.domain.webhooks.managing import told_delivery
from shared.domain.webhooks.records import DeliveryRecord, delivery_of, queue_of
from shared.runtime.telemetry.tracing import current_trace
from shared.web.access.caller import Caller

MOST_REPLAYED = 5000
"""Deliveries that one request has made again: the oldest of those that are asked for."""
TEST_TYPE = "registry.webhook.test.v1"


async def replay(webhook: str, request: ReplayRequest, caller: Caller, context: Context) -> Replay:
    """Have deliveries made again, the oldest of each model first; those that wait go on waiting.

    Only of models that the caller may be told of. Raises NotFound.
    """
    found = await managed(webhook, caller, context)
    wanted = DeliveryFilter(
        names=caller.names,
        states=("failed", "withheld") if request.failed_only else (),
        event_id=request.event_id,
        model=request.model,
        since=possible(request.since) if request.since else None,
        until=possible(request.until) if request.until else None,
        from_sequence=request.from_sequence,
        to_sequence=request.to_sequence,
    )
    async with caller.audited(Change.REPLAY_WEBHOOK, request.model or "", f"webhook:{found.id}"):
        matching = await deliveries.list_deliveries(
            context.database,
            webhook,
            wanted,
            before=None,
            limit=MOST_REPLAYED + 1,
            oldest_first=True,
        )
        if request.event_id is not None and not matching:
            detail = f"there is no delivery of {request.event_id[:64]!r}"
            raise NotFound("delivery_not_found", detail)
        replayed = matching[:MOST_REPLAYED]
        if replayed:
            await deliveries.replay(context.database, replayed, context.webhook_retention)
            models = {each.model for each in replayed}
            await queues.hurry(context.database, webhook, models)
    is_complete = len(matching) <= MOST_REPLAYED
    rest_from = None if is_complete else replayed[-1].recorded_at
    return Replay(count=len(replayed), is_complete=is_complete, rest_from=rest_from)


async def send_test(webhook: str, caller: Caller, context: Context) -> WebhookDelivery:
    """Have an event sent that tells of nothing; what becomes of it the deliveries tell.

    Raises NotFound, and Conflict "webhook_not_active".
    """
    found = await managed(webhook, caller, context)
    if not found.is_sending:
        raise Conflict("webhook_not_active", f"the webhook is {found.state}: resume it first")
    now, event_id = await context.database.now(), f"test-{new_id()}"
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": context.settings.event_source,
        "type": TEST_TYPE,
        "subject": f"webhook:{webhook}",
        "time": now.isoformat(),
        "datacontenttype": "application/json",
        "data": {"webhook": webhook},
    }
    record = DeliveryRecord(
        id=delivery_of(webhook, event_id),
        subscription=webhook,
        event_id=event_id,
        type=TEST_TYPE,
        model="",
        sequence=int(now.timestamp() * 1000),
        body=json.dumps(event),
        waiting_in=queue_of(webhook, ""),
        recorded_at=now,
        forget_at=now + context.webhook_retention,
        trace=current_trace(),
    )
    async with caller.audited(Change.TEST_WEBHOOK, "", f"webhook:{webhook}"):
        await deliveries.record_deliveries(context.database, [record])
        await queues.hurry(context.database, webhook, [""])
    return told_delivery(record)
