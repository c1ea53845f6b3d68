"""One delivery: whether it may still be sent, the request, and what becomes of it."""

import random
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic, time

from cachetools import TTLCache

from services.notifier.context import Context
from services.notifier.sending.sender import Outcome, Sender
from shared.database.webhooks.deliveries import note_attempt, settle
from shared.database.webhooks.disabling import disable_subscription
from shared.database.webhooks.queues import hurry
from shared.database.webhooks.subscriptions import find_secrets, note_failure, note_success
from shared.domain.webhooks.matching import may_be_told
from shared.domain.webhooks.records import (
    AttemptRecord,
    DeliveryRecord,
    DetailText,
    SecretsRecord,
    SubscriptionRecord,
)
from shared.domain.webhooks.signing import cloud_event, signed_headers
from shared.runtime.logs import get_logger

SECRETS_SECONDS = 5.0
"""How long secrets are kept in memory: a new one signs after this time."""
MOST_SECRETS = 10_000

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class GoOn:
    """It is settled: the next one of its queue may be sent."""

    is_delivered: bool


@dataclass(frozen=True, slots=True)
class Rest:
    """It is not: its queue waits, for so long, or until its subscription is resumed."""

    pause: timedelta = timedelta()


class Deliverer:
    """Makes deliveries, each at least once, and keeps what became of them."""

    def __init__(self, context: Context, sender: Sender) -> None:
        self._context = context
        self._sender = sender
        self._patience = context.settings.webhook_patience
        self._secrets: TTLCache[str, SecretsRecord | None] = TTLCache(
            MOST_SECRETS, SECRETS_SECONDS, monotonic
        )

    async def deliver(
        self, subscription: SubscriptionRecord, delivery: DeliveryRecord
    ) -> GoOn | Rest:
        """Send the first delivery of a queue; raises DatabaseUnavailable, and may be repeated."""
        database = self._context.database
        # 1. Its owner may still be told of the model: tokens are revoked, and run out.
        grants = await self._context.owners.grants_of(subscription.owner)
        if grants is None:
            await self._disable(subscription, "owner_gone")
            return Rest()
        if delivery.model and not may_be_told(grants, delivery.model):
            await settle(database, delivery, "withheld", await database.now())
            return GoOn(is_delivered=False)
        # 2. The request, signed by each secret that counts now.
        at = await database.now()
        outcome = await self._send(subscription, delivery)
        attempt = AttemptRecord(
            number=delivery.attempt_count + 1,
            at=at,
            milliseconds=outcome.milliseconds,
            status=outcome.status,
            error=outcome.error,
            detail=outcome.detail,
        )
        # 3. What becomes of it.
        if outcome.is_delivered:
            await settle(database, delivery, "delivered", await database.now(), attempt)
            return GoOn(is_delivered=True)
        return await self._failed(subscription, delivery, attempt, outcome)

    async def succeeded(self, subscription: SubscriptionRecord) -> None:
        """Note that a receiver takes what it is sent; what rested after failures rests no more."""
        now = await self._context.database.now()
        if await note_success(self._context.database, subscription.id, now):
            await hurry(self._context.database, subscription.id)
        self._know(subscription, failing_since=None)

    async def _send(self, subscription: SubscriptionRecord, delivery: DeliveryRecord) -> Outcome:
        secrets = await self._secrets_of(subscription.id)
        if secrets is None:  # it is being removed
            return Outcome(0, error="connection", detail="the subscription has no secret")
        headers, body = cloud_event(delivery.body, subscription.mode)
        live = secrets.live(await self._context.database.now())
        # By this machine's clock, which receivers compare with their own.
        signed = signed_headers(live, delivery.event_id, int(time()), body)
        return await self._sender.post(subscription.url, {**headers, **signed}, body)

    async def _secrets_of(self, subscription: str) -> SecretsRecord | None:
        if subscription not in self._secrets:
            found = await find_secrets(self._context.database, subscription)
            self._secrets[subscription] = found
        return self._secrets[subscription]

    async def _failed(
        self,
        subscription: SubscriptionRecord,
        delivery: DeliveryRecord,
        attempt: AttemptRecord,
        outcome: Outcome,
    ) -> GoOn | Rest:
        database, now = self._context.database, attempt.at
        told = {"webhook": subscription.id, "event_id": delivery.event_id}
        log.info("webhook failed", **told, status=outcome.status, error=outcome.error)
        since = subscription.failing_since or now
        if subscription.failing_since is None:
            await note_failure(database, subscription.id, now)
            self._know(subscription, failing_since=now)
        if outcome.is_gone or self._patience.is_lasting(since, now):
            await note_attempt(database, delivery, attempt)
            await self._disable(subscription, "gone" if outcome.is_gone else "failing")
            return Rest()
        if self._patience.is_over(delivery.first_attempt_at or now, now):
            await settle(database, delivery, "failed", now, attempt)
            log.error("webhook given up", **told, attempts=attempt.number)
            return GoOn(is_delivered=False)
        await note_attempt(database, delivery, attempt)
        chance = random.random()  # noqa: S311 - no secret
        return Rest(self._patience.pause(delivery.tries + 1, chance, outcome.retry_after))

    async def _disable(self, subscription: SubscriptionRecord, reason: DetailText) -> None:
        after = await disable_subscription(self._context.database, subscription.id, reason)
        if after is not None:
            self._context.subscriptions.put(after)
            log.error("webhook disabled", webhook=after.id, reason=reason)

    def _know(self, subscription: SubscriptionRecord, **fields: object) -> None:
        known = self._context.subscriptions.get(subscription.id)
        if known is not None:
            self._context.subscriptions.put(known.model_copy(update=fields))
