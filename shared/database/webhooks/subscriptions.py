"""Subscriptions, and their secrets, which lie in a collection that query has no right to."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import DeleteOne

from shared.database.client import Database
from shared.database.collection import Document, Transaction
from shared.database.pages import Place, newest_first, older_than
from shared.domain.webhooks.records import SecretRecord, SecretsRecord, SubscriptionRecord

NEVER = datetime(9999, 12, 31, tzinfo=UTC)


async def add_subscription(
    database: Database, subscription: SubscriptionRecord, secrets: SecretsRecord
) -> None:
    """Keep a new subscription and its secret; raises DuplicateKey where its id is known."""

    async def add(transaction: Transaction) -> None:
        document = subscription.model_dump(by_alias=True)
        await database.subscriptions.insert_one(document, transaction=transaction)
        await database.webhook_secrets.insert_one(
            secrets.model_dump(by_alias=True), transaction=transaction
        )

    await database.transaction(add)


async def find_subscription(database: Database, subscription: str) -> SubscriptionRecord | None:
    """Return a subscription by its id."""
    found = await database.subscriptions.find_one({"_id": subscription})
    return SubscriptionRecord.model_validate(found) if found else None


async def find_secrets(database: Database, subscription: str) -> SecretsRecord | None:
    """Return the secrets of a subscription."""
    found = await database.webhook_secrets.find_one({"_id": subscription})
    return SecretsRecord.model_validate(found) if found else None


async def list_subscriptions(
    database: Database, *, principal: str | None, before: Place | None, limit: int
) -> list[SubscriptionRecord]:
    """Return up to `limit` subscriptions, the newest first: those of a principal, or all.

    `before` is when the last one of the page before was made, and its id.
    """
    query: Document = {"created_at": {"$lte": before[0] if before is not None else NEVER}}
    conditions: list[Document] = []
    if principal is not None:
        conditions.append({"$or": [{"owner": principal}, {"made_by": principal}]})
    if before is not None:
        conditions.append(older_than("created_at", before))
    if conditions:
        query["$and"] = conditions
    cursor = database.subscriptions.find(query).sort(newest_first("created_at")).limit(limit)
    return [SubscriptionRecord.model_validate(each) for each in await cursor.to_list()]


async def count_subscriptions(database: Database, *, made_by: str | None = None) -> int:
    """Return how many subscriptions there are, or how many a principal has made."""
    query: Document = {"created_at": {"$lte": NEVER}}
    if made_by is not None:
        query["made_by"] = made_by
    return await database.subscriptions.count_documents(query)


async def changed_since(database: Database, moment: datetime) -> list[SubscriptionRecord]:
    """Return the subscriptions that were made or changed at this moment, or later."""
    found = database.subscriptions.find({"changed_at": {"$gte": moment}})
    return [SubscriptionRecord.model_validate(each) for each in await found.to_list()]


async def change_subscription(
    database: Database, subscription: str, fields: dict[str, Any]
) -> SubscriptionRecord | None:
    """Set fields of a subscription, and return it as it is then; None where it is gone."""
    change = {"$set": {**fields, "changed_at": await database.now()}}
    await database.subscriptions.update_one({"_id": subscription}, change)
    return await find_subscription(database, subscription)


async def note_failure(database: Database, subscription: str, now: datetime) -> None:
    """Write since when nothing succeeds; the first failure stays."""
    await database.subscriptions.update_one(
        {"_id": subscription, "failing_since": None},
        {"$set": {"failing_since": now, "changed_at": now}},
    )


async def note_success(database: Database, subscription: str, now: datetime) -> int | None:
    """Forget the failures before; returns which outage is over, None where there was none."""
    changed = await database.subscriptions.update_one(
        {"_id": subscription, "failing_since": {"$ne": None}},
        {"$set": {"failing_since": None, "changed_at": now}, "$inc": {"outages": 1}},
    )
    found = await find_subscription(database, subscription) if changed.modified_count else None
    return found.outages - 1 if found is not None else None


async def rotate_secret(
    database: Database, subscription: str, secret: str, overlap: timedelta
) -> SecretsRecord | None:
    """Let a new secret sign, and the one before beside it for a while; None where it is gone.

    Of three within one overlap the oldest signs no more.
    """

    async def rotate(transaction: Transaction) -> SecretsRecord | None:
        found = await database.webhook_secrets.find_one(
            {"_id": subscription}, transaction=transaction
        )
        if found is None:
            return None
        until = await database.now() + overlap
        newest = SecretsRecord.model_validate(found).secrets[0]
        kept = [newest.model_copy(update={"until": until})] if overlap else []
        rotated = SecretsRecord(id=subscription, secrets=[SecretRecord(text=secret), *kept])
        document = rotated.model_dump(by_alias=True)
        await database.webhook_secrets.replace_one(
            {"_id": subscription}, document, transaction=transaction
        )
        return rotated

    return await database.transaction(rotate, turn=subscription)


async def remove_subscription(database: Database, subscription: str) -> None:
    """Forget a subscription and its secrets; what waits for it the notifier removes."""

    async def remove(transaction: Transaction) -> None:
        gone = [DeleteOne({"_id": subscription})]
        await database.subscriptions.bulk_write(gone, transaction=transaction)
        await database.webhook_secrets.bulk_write(gone, transaction=transaction)

    await database.transaction(remove)
