"""One delivery: whether it may still be sent, the request, and what becomes of it."""

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic, time

from cachetools import TTLCache

from services.notifier.context import Context
from services.notifier.sending.sender import Outcome, Sender
from shared.database.webhooks.deliveries import note_attempt, settle
from shared.database.webhooks.disabling import disable_subscription
from shared.database.webhooks.queues import hurry_after
from shared.database.webhooks.subscriptions import find_secrets, note_failure, note_success
from shared.domain.traces import logged
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
from shared.runtime.telemetry.attributes import delivery_attributes
from shared.runtime.telemetry.tracing import child_of

SECRETS_SECONDS = 5.0
"""How long secrets are kept in memory: a new one signs after this time."""
MOST_SECRETS = 10_000
SLOW_SECONDS = 1.0
"""Who takes longer for a request shares half of all places with others that do."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class GoOn:
    """It is settled: the next one of its queue may be sent."""

    is_delivered: bool
    is_slow: bool = False
    """Whether the receiver took long."""


@dataclass(frozen=True, slots=True)
class Rest:
    """It is not: its queue waits, for so long, or until its subscription is resumed."""

    pause: timedelta = timedelta()
    outage: int | None = None
    """The receiver's outage in which it failed first; None where that is known already."""
    is_slow: bool = False


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
            self._context.counts.attempted("withheld")
            return GoOn(is_delivered=False)
        # 2. The request, signed by each secret that counts now.
        at, began = await database.now(), monotonic()
        outcome = await self._send(subscription, delivery)
        is_slow = monotonic() - began > SLOW_SECONDS
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
            self._context.counts.attempted("delivered", outcome.answer_seconds)
            return GoOn(is_delivered=True, is_slow=is_slow)
        became = await self._failed(subscription, delivery, attempt, outcome)
        given_up = isinstance(became, GoOn)
        told = "given_up" if given_up else "failed"
        self._context.counts.attempted(told, outcome.answer_seconds)
        return replace(became, is_slow=is_slow)

    async def succeeded(self, subscription: SubscriptionRecord) -> None:
        """Note that a receiver takes what it is sent; what rested for its outage rests no more."""
        now = await self._context.database.now()
        ended = await note_success(self._context.database, subscription.id, now)
        if ended is not None:
            await hurry_after(self._context.database, subscription.id, ended)
            self._know(subscription, outages=ended + 1)
        self._know(subscription, failing_since=None)

    async def _send(self, subscription: SubscriptionRecord, delivery: DeliveryRecord) -> Outcome:
        secrets = await self._secrets_of(subscription.id)
        if secrets is None:  # it is being removed
            return Outcome(0, error="connection", detail="the subscription has no secret")
        headers, body = cloud_event(delivery.body, subscription.mode)
        live = secrets.live(await self._context.database.now())
        # By this machine's clock, which receivers compare with their own.
        signed = signed_headers(live, delivery.event_id, int(time()), body)
        with child_of(delivery.trace, "deliver webhook", "client") as span:
            if span is None:
                return await self._sender.post(subscription.url, {**headers, **signed}, body)
            span.set(delivery_attributes(delivery))
            traced = {**headers, **signed, **span.trace.headers()}
            outcome = await self._sender.post(subscription.url, traced, body)
            span.set({"http.response.status_code": outcome.status})
            if not outcome.is_delivered:
                span.fail(outcome.error or str(outcome.status))
            return outcome

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
        delivery = _begun_anew(delivery, subscription)
        told = {"webhook": subscription.id, "event_id": delivery.event_id, **logged(delivery.trace)}
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
        pause = self._patience.pause(delivery.tries + 1, chance, outcome.retry_after)
        return Rest(pause, subscription.outages if delivery.tries == 0 else None)

    async def _disable(self, subscription: SubscriptionRecord, reason: DetailText) -> None:
        after = await disable_subscription(self._context.database, subscription.id, reason)
        if after is not None:
            self._context.subscriptions.put(after)
            log.error("webhook disabled", webhook=after.id, reason=reason)

    def _know(self, subscription: SubscriptionRecord, **fields: object) -> None:
        known = self._context.subscriptions.get(subscription.id)
        if known is not None:
            self._context.subscriptions.put(known.model_copy(update=fields))


def _begun_anew(delivery: DeliveryRecord, subscription: SubscriptionRecord) -> DeliveryRecord:
    """Return a delivery without the attempts from before its subscription was resumed.

    The time in which nothing was sent is none in which the receiver was waited for.
    """
    first, resumed = delivery.first_attempt_at, subscription.resumed_at
    if first is None or resumed is None or first >= resumed:
        return delivery
    return delivery.model_copy(update={"first_attempt_at": None, "tries": 0})
