"""Who may manage a subscription, and what it is told as."""

from collections.abc import Iterable

from registry.schemas.webhooks import DeliveryAttempt, Webhook, WebhookDelivery
from shared.domain.access.grants import Grant
from shared.domain.access.principals import Principal
from shared.domain.errors import NotFound
from shared.domain.webhooks.records import DeliveryRecord, SubscriptionRecord

EVERYTHING = Grant("admin", "*")


def sees_all(grants: Iterable[Grant]) -> bool:
    """Whether who holds these grants manages every subscription."""
    return EVERYTHING in grants


def may_manage(principal: Principal, subscription: SubscriptionRecord) -> bool:
    """Whether a principal may see and change a subscription: its owner, who made it, or an
    administrator of everything."""
    is_theirs = principal.id in (subscription.owner, subscription.made_by)
    return is_theirs or sees_all(principal.grants)


def webhook_not_found(webhook: str) -> NotFound:
    """Return the error for a subscription that is not there, or not for the caller."""
    return NotFound("webhook_not_found", f"there is no webhook with id {webhook[:64]!r}")


def told_subscription(record: SubscriptionRecord) -> Webhook:
    """Return a subscription as it is told, without its secrets."""
    return Webhook.model_validate(record.model_dump())


def told_delivery(record: DeliveryRecord) -> WebhookDelivery:
    """Return a delivery as it is told, without its event."""
    attempts = [DeliveryAttempt.model_validate(each.model_dump()) for each in record.attempts]
    fields = record.model_dump(exclude={"attempts", "body"})
    return WebhookDelivery.model_validate({**fields, "attempts": attempts})
