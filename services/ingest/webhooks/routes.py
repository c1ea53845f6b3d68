"""Webhooks over HTTP: each route parses, calls one use case, and answers."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from registry.schemas.webhooks import (
    NewWebhook,
    Replay,
    ReplayRequest,
    RotatedSecret,
    RotateRequest,
    Webhook,
    WebhookDelivery,
    WebhookPatch,
    WebhookRequest,
)
from services.ingest.context import RequestContext
from services.ingest.idempotency import IdempotencyKey
from services.ingest.webhooks import deliveries, webhooks
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares
from shared.web.json_body import JsonRoute
from shared.web.problems import PROBLEMS

router = APIRouter(
    prefix="/v1/webhooks", tags=["webhooks"], responses=PROBLEMS, route_class=JsonRoute
)

Manager = Annotated[Caller, declares(Action.MANAGE_WEBHOOKS)]
WebhookId = Annotated[str, Path(max_length=64)]


@router.post("", status_code=HTTPStatus.CREATED, summary="Subscribe an address to events")
async def make_webhook(
    request: WebhookRequest,
    caller: Manager,
    context: RequestContext,
    idempotency_key: IdempotencyKey = None,
) -> NewWebhook:
    """Answer the subscription and the secret that its signatures are verified by."""
    return await webhooks.make_webhook(request, idempotency_key, caller, context)


@router.patch("/{webhook_id}", summary="Change a subscription")
async def change_webhook(
    webhook_id: WebhookId, request: WebhookPatch, caller: Manager, context: RequestContext
) -> Webhook:
    """Answer the subscription; what the request leaves out stays."""
    return await webhooks.change_webhook(webhook_id, request, caller, context)


@router.delete("/{webhook_id}", status_code=HTTPStatus.NO_CONTENT, summary="Remove a subscription")
async def remove_webhook(webhook_id: WebhookId, caller: Manager, context: RequestContext) -> None:
    """Send it nothing more, and forget its secrets."""
    await webhooks.remove_webhook(webhook_id, caller, context)


@router.post("/{webhook_id}/pause", summary="Send nothing for a while")
async def pause_webhook(webhook_id: WebhookId, caller: Manager, context: RequestContext) -> Webhook:
    """Answer the subscription; events are kept for it until it is resumed."""
    return await webhooks.pause_webhook(webhook_id, caller, context)


@router.post("/{webhook_id}/resume", summary="Send again")
async def resume_webhook(
    webhook_id: WebhookId, caller: Manager, context: RequestContext
) -> Webhook:
    """Answer the subscription, be it paused or disabled before; what was kept is sent now."""
    return await webhooks.resume_webhook(webhook_id, caller, context)


@router.post("/{webhook_id}/rotate", summary="Make a new secret")
async def rotate_secret(
    webhook_id: WebhookId, request: RotateRequest, caller: Manager, context: RequestContext
) -> RotatedSecret:
    """Answer the new secret; the one before signs beside it for a while."""
    return await webhooks.rotate_secret(webhook_id, request, caller, context)


@router.post(
    "/{webhook_id}/replay", status_code=HTTPStatus.ACCEPTED, summary="Make deliveries again"
)
async def replay(
    webhook_id: WebhookId, request: ReplayRequest, caller: Manager, context: RequestContext
) -> Replay:
    """Answer how many are sent again, each with the id that it had."""
    return await deliveries.replay(webhook_id, request, caller, context)


@router.post(
    "/{webhook_id}/test",
    status_code=HTTPStatus.ACCEPTED,
    summary="Send a test event",
)
async def send_test(
    webhook_id: WebhookId, caller: Manager, context: RequestContext
) -> WebhookDelivery:
    """Answer the delivery, which is made as any other; its list tells what became of it."""
    return await deliveries.send_test(webhook_id, caller, context)
