"""Making and changing subscriptions: by whoever may be told of what they are for."""

from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from registry.schemas.webhooks import (
    NewWebhook,
    RotatedSecret,
    RotateRequest,
    Webhook,
    WebhookPatch,
    WebhookRequest,
)
from services.ingest.context import Context
from services.ingest.idempotency import digest_of
from shared.database.errors import DuplicateKey
from shared.database.tokens import find_token
from shared.database.webhooks import queues, subscriptions
from shared.domain.access.actions import LEAST_ROLE, Action
from shared.domain.access.audit import Change
from shared.domain.access.decision import sees_within
from shared.domain.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    InvalidRequest,
    NotFound,
)
from shared.domain.records import new_id
from shared.domain.webhooks.addresses import refusal_of
from shared.domain.webhooks.managing import (
    may_manage,
    sees_all,
    told_subscription,
    webhook_not_found,
)
from shared.domain.webhooks.records import SecretRecord, SecretsRecord, SubscriptionRecord
from shared.domain.webhooks.signing import new_secret
from shared.runtime.logs import get_logger
from shared.web.access.caller import Caller

log = get_logger(__name__)


async def make_webhook(
    request: WebhookRequest, key: str | None, caller: Caller, context: Context
) -> NewWebhook:
    """Make a subscription, and return it with its secret.

    The same key and request return what they made. Raises Forbidden for models of which the caller
    is told nothing, InvalidRequest, Conflict "owner_needed" and "too_many_webhooks".
    """
    caller.require_credential()
    for pattern in request.models:
        _require_within(pattern, caller)
    _require_reachable(request.url, context)
    owner = await _owner(request, caller, context)
    principal = caller.principal.id
    webhook = digest_of(principal, "webhook", key)[:32] if key is not None else new_id()
    now = await context.database.now()
    record = SubscriptionRecord(
        id=webhook,
        owner=owner,
        made_by=principal,
        created_at=now,
        changed_at=now,
        request_digest=digest_of(request.model_dump_json()),
        **request.model_dump(exclude={"owner"}),
    )
    secret = new_secret()
    secrets = SecretsRecord(id=webhook, secrets=[SecretRecord(text=secret)])
    await _require_room(webhook, caller, context)
    async with caller.audited(Change.MAKE_WEBHOOK, _pattern(record), f"webhook:{webhook}"):
        try:
            await subscriptions.add_subscription(context.database, record, secrets)
        except DuplicateKey:
            return await _made_before(record, context)
    log.info("webhook made", webhook=webhook, owner=owner, by=principal)
    return NewWebhook(secret=secret, **told_subscription(record).model_dump())


async def change_webhook(
    webhook: str, request: WebhookPatch, caller: Caller, context: Context
) -> Webhook:
    """Change a subscription; what waits is sent as it says then. Raises as `make_webhook`."""
    found = await managed(webhook, caller, context)
    fields = request.model_dump(exclude_none=True)
    for pattern in fields.get("models", ()):
        _require_within(pattern, caller)
    if request.url is not None:
        _require_reachable(request.url, context)
    if not fields:
        return told_subscription(found)
    return await _changed(found, Change.CHANGE_WEBHOOK, fields, caller, context)


async def pause_webhook(webhook: str, caller: Caller, context: Context) -> Webhook:
    """Send nothing until it is resumed; what comes meanwhile is kept. Raises NotFound."""
    found = await managed(webhook, caller, context)
    fields: dict[str, object] = {"state": "paused", "reason": ""}  # why it was disabled before
    return await _changed(found, Change.PAUSE_WEBHOOK, fields, caller, context)


async def resume_webhook(webhook: str, caller: Caller, context: Context) -> Webhook:
    """Send again, what was kept first; also where it was disabled. Raises NotFound."""
    found = await managed(webhook, caller, context)
    fields: dict[str, object] = {
        "state": "active",
        "reason": "",
        "failing_since": None,
        "resumed_at": await context.database.now(),
    }
    resumed = await _changed(found, Change.RESUME_WEBHOOK, fields, caller, context)
    await queues.hurry(context.database, webhook)
    return resumed


async def remove_webhook(webhook: str, caller: Caller, context: Context) -> None:
    """Remove a subscription with its secrets; what waits for it is not sent. Raises NotFound."""
    found = await managed(webhook, caller, context)
    async with caller.audited(Change.REMOVE_WEBHOOK, _pattern(found), f"webhook:{webhook}"):
        await subscriptions.remove_subscription(context.database, webhook)
    log.info("webhook removed", webhook=webhook, by=caller.principal.id)


async def rotate_secret(
    webhook: str, request: RotateRequest, caller: Caller, context: Context
) -> RotatedSecret:
    """Make a new secret; the one before signs beside it for a while. Raises NotFound."""
    found = await managed(webhook, caller, context)
    secret, overlap = new_secret(), timedelta(seconds=request.overlap_seconds)
    async with caller.audited(Change.ROTATE_WEBHOOK, _pattern(found), f"webhook:{webhook}"):
        rotated = await subscriptions.rotate_secret(context.database, webhook, secret, overlap)
    if rotated is None:
        raise webhook_not_found(webhook)
    until = rotated.secrets[-1].until
    return RotatedSecret(secret=secret, previous_until=until)


async def managed(webhook: str, caller: Caller, context: Context) -> SubscriptionRecord:
    """Return a subscription that the caller may manage; raises NotFound for every other."""
    caller.require_credential(subject=f"webhook:{webhook[:64]}")
    found = await subscriptions.find_subscription(context.database, webhook)
    if found is None:
        raise webhook_not_found(webhook)
    if not may_manage(caller.principal, found):
        raise caller.refused(webhook_not_found(webhook), subject=f"webhook:{webhook}")
    return found


async def _changed(
    found: SubscriptionRecord,
    change: Change,
    fields: dict[str, object],
    caller: Caller,
    context: Context,
) -> Webhook:
    async with caller.audited(change, _pattern(found), f"webhook:{found.id}"):
        changed = await subscriptions.change_subscription(context.database, found.id, fields)
    if changed is None:
        raise webhook_not_found(found.id)
    log.info("webhook changed", webhook=found.id, change=str(change), by=caller.principal.id)
    return told_subscription(changed)


async def _made_before(record: SubscriptionRecord, context: Context) -> NewWebhook:
    """Return what an earlier request with the same key made; raises IdempotencyKeyReused."""
    found = await subscriptions.find_subscription(context.database, record.id)
    secrets = await subscriptions.find_secrets(context.database, record.id)
    if found is None or secrets is None:
        raise Conflict("webhook_removed", "it was made by this key, and is removed")
    if found.request_digest != record.request_digest:
        raise IdempotencyKeyReused
    return NewWebhook(secret=secrets.secrets[0].text, **told_subscription(found).model_dump())


async def _owner(request: WebhookRequest, caller: Caller, context: Context) -> str:
    """Return whose grants say what is delivered: they are asked at each delivery.

    What a token of an issuer grants is known while it is shown alone. So who comes with one names a
    token of the registry's.
    """
    principal = caller.principal
    if request.owner is None:
        if principal.kind in ("administrator", "token"):
            return principal.id
        detail = "your grants end with your token: name a token of the registry as owner, token:ID"
        raise Conflict("owner_needed", detail)
    if request.owner == principal.id:
        return principal.id
    token = await find_token(context.database, request.owner.removeprefix("token:"))
    if token is None or not (token.owner == principal.id or sees_all(principal.grants)):
        missing = NotFound("token_not_found", f"you made no token {request.owner!r}")
        raise caller.refused(missing, subject=request.owner)
    return request.owner


async def _require_room(webhook: str, caller: Caller, context: Context) -> None:
    """Raise Conflict where one more may not be made; a repeated request makes none."""
    database, settings = context.database, context.settings
    most, told = settings.webhook_max_subscriptions, ""
    if await subscriptions.count_subscriptions(database) >= most:
        told = f"there are {most} webhooks, as many as there may be"
    elif not sees_all(caller.principal.grants):
        most, made_by = settings.webhook_max_of_principal, caller.principal.id
        if await subscriptions.count_subscriptions(database, made_by=made_by) >= most:
            told = f"you have made {most} webhooks, as many as one may"
    if told and await subscriptions.find_subscription(database, webhook) is None:
        raise Conflict("too_many_webhooks", told)


def _require_within(pattern: str, caller: Caller) -> None:
    """Raise Forbidden where the caller is told of no model of a pattern."""
    if not sees_within(caller.principal.grants, pattern, Action.MANAGE_WEBHOOKS):
        missing = f"{LEAST_ROLE[Action.MANAGE_WEBHOOKS]}:{pattern}"
        raise caller.refused(Forbidden(missing), pattern)


def _require_reachable(url: str, context: Context) -> None:
    """Raise InvalidRequest for what is never sent to. A name is judged when it is resolved."""
    settings, parts = context.settings, urlsplit(url)
    if parts.scheme == "http" and not settings.webhook_allow_http:
        raise InvalidRequest("url", "must begin with https://")
    try:
        address = ip_address(parts.hostname or "")
    except ValueError:
        return
    if refusal := refusal_of(address, settings.webhook_networks):
        raise InvalidRequest("url", f"must lead to a public address, which it does not ({refusal})")


def _pattern(record: SubscriptionRecord) -> str:
    """Return the names that it is for, where they are one pattern: for the audit."""
    return record.models[0] if len(record.models) == 1 else ""
