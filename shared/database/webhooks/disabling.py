"""Disabling a subscription: one transaction with the event and the entry of the audit."""

from registry.schemas import WebhookChange, WebhookEvent
from shared.database.client import Database
from shared.database.collection import Transaction
from shared.database.outbox import put_events
from shared.domain.access.audit import DONE, AuditRecord, Change
from shared.domain.records import new_id
from shared.domain.webhooks.records import DetailText, SubscriptionRecord

NOTIFIER = "notifier"
"""Who disables subscriptions, in the audit."""


async def disable_subscription(
    database: Database, subscription: str, reason: DetailText
) -> SubscriptionRecord | None:
    """Send nothing more for an active subscription, and tell it; None where it is not active.

    What comes for it is kept on, and delivered once it is resumed.
    """

    async def disable(transaction: Transaction) -> SubscriptionRecord | None:
        found = await database.subscriptions.find_one(
            {"_id": subscription}, transaction=transaction
        )
        if found is None or found["state"] != "active":
            return None
        before = SubscriptionRecord.model_validate(found)
        now = await database.now()
        after = before.model_copy(
            update={
                "state": "disabled",
                "reason": reason,
                "events": before.events + 1,
                "changed_at": now,
            }
        )
        fields = after.model_dump(include={"state", "reason", "events", "changed_at"})
        await database.subscriptions.update_one(
            {"_id": subscription}, {"$set": fields}, transaction=transaction
        )
        await put_events(database, [_event(database, after)], transaction)
        entry = _entry(after)
        await database.audit.insert_one(entry.model_dump(by_alias=True), transaction=transaction)
        return after

    return await database.transaction(disable, turn=subscription)


def _event(database: Database, after: SubscriptionRecord) -> WebhookEvent:
    return WebhookEvent(
        id=f"{after.id}-{after.events}",
        source=database.event_source,
        subject=f"webhook:{after.id}",
        time=after.changed_at,
        sequence=after.events,
        # Not its address, which may hold a secret: whoever reaches Kafka reads this.
        data=WebhookChange(
            webhook=after.id,
            owner=after.owner,
            state="disabled",
            reason=after.reason,
            failing_since=after.failing_since,
        ),
    )


def _entry(after: SubscriptionRecord) -> AuditRecord:
    return AuditRecord(
        id=new_id(),
        at=after.changed_at,
        principal=NOTIFIER,
        action=Change.DISABLE_WEBHOOK,
        model="",
        subject=f"webhook:{after.id}",
        address="",
        request_id="",
        outcome=DONE,
        ended_at=after.changed_at,
    )
