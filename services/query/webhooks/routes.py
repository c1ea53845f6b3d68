"""Webhooks over HTTP: each route parses, calls one use case, and answers."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from registry.schemas.webhooks import DeliveryState, Webhook, WebhookDeliveryPage, WebhookPage
from services.query.context import RequestContext
from services.query.webhooks import webhooks
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Cursor, Limit
from shared.web.problems import PROBLEMS

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], responses=PROBLEMS)

Manager = Annotated[Caller, declares(Action.MANAGE_WEBHOOKS)]
WebhookId = Annotated[str, Path(max_length=64)]


@router.get("", summary="List subscriptions, the newest first")
async def list_webhooks(
    caller: Manager, context: RequestContext, cursor: Cursor = None, limit: Limit = 50
) -> WebhookPage:
    """Answer a page of those that the caller owns or made; of all for who administers all."""
    return await webhooks.list_webhooks(cursor, limit, caller, context)


@router.get("/{webhook_id}", summary="Get a subscription")
async def get_webhook(webhook_id: WebhookId, caller: Manager, context: RequestContext) -> Webhook:
    """Answer the subscription, its state, and since when its receiver fails."""
    return await webhooks.find_webhook(webhook_id, caller, context)


@router.get("/{webhook_id}/deliveries", summary="List deliveries, the newest first")
async def list_deliveries(
    webhook_id: WebhookId,
    caller: Manager,
    context: RequestContext,
    state: Annotated[DeliveryState | None, Query()] = None,
    model: Annotated[str | None, Query(max_length=300)] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> WebhookDeliveryPage:
    """Answer a page of them: what the receiver answered, when, after how long, how often."""
    return await webhooks.list_deliveries(webhook_id, state, model, cursor, limit, caller, context)
