"""Reading subscriptions and their deliveries: their owner's, and nothing that is kept from them."""

from registry.schemas.webhooks import DeliveryState, Webhook, WebhookDeliveryPage, WebhookPage
from services.query.context import Context
from shared.database.webhooks import deliveries, subscriptions
from shared.database.webhooks.deliveries import DeliveryFilter
from shared.domain.webhooks.managing import (
    may_manage,
    sees_all,
    told_delivery,
    told_subscription,
    webhook_not_found,
)
from shared.domain.webhooks.records import SubscriptionRecord
from shared.web.access.caller import Caller
from shared.web.cursors import cut_page, decode_place, encode_place


async def list_webhooks(
    cursor: str | None, limit: int, caller: Caller, context: Context
) -> WebhookPage:
    """Return a page of the subscriptions that the caller may manage; raises InvalidRequest."""
    caller.require_credential()
    before = decode_place(cursor) if cursor else None
    principal = None if sees_all(caller.principal.grants) else caller.principal.id
    found = await subscriptions.list_subscriptions(
        context.database, principal=principal, before=before, limit=limit + 1
    )
    page, more = cut_page(found, limit, lambda last: encode_place(last.created_at, last.id))
    return WebhookPage(items=[told_subscription(each) for each in page], next_cursor=more)


async def find_webhook(webhook: str, caller: Caller, context: Context) -> Webhook:
    """Return a subscription; raises NotFound."""
    return told_subscription(await _managed(webhook, caller, context))


async def list_deliveries(
    webhook: str,
    state: DeliveryState | None,
    model: str | None,
    cursor: str | None,
    limit: int,
    caller: Caller,
    context: Context,
) -> WebhookDeliveryPage:
    """Return a page of deliveries, of models that the caller may be told of; raises NotFound."""
    found = await _managed(webhook, caller, context)
    before = decode_place(cursor) if cursor else None
    wanted = DeliveryFilter(
        names=caller.names, states=(state,) if state is not None else (), model=model
    )
    records = await deliveries.list_deliveries(
        context.database, found.id, wanted, before=before, limit=limit + 1
    )
    page, more = cut_page(records, limit, lambda last: encode_place(last.recorded_at, last.id))
    return WebhookDeliveryPage(items=[told_delivery(each) for each in page], next_cursor=more)


async def _managed(webhook: str, caller: Caller, context: Context) -> SubscriptionRecord:
    caller.require_credential(subject=f"webhook:{webhook[:64]}")
    found = await subscriptions.find_subscription(context.database, webhook)
    if found is None:
        raise webhook_not_found(webhook)
    if not may_manage(caller.principal, found):
        raise caller.refused(webhook_not_found(webhook), subject=f"webhook:{webhook}")
    return found
