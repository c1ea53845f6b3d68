"""From a batch of the topic to durable deliveries: each event once for each subscription."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta

from services.notifier.context import Context
from shared.database.webhooks.deliveries import record_deliveries
from shared.database.webhooks.disabling import disable_subscription
from shared.database.webhooks.facts import version_facts
from shared.domain.traces import TraceRecord, read_trace
from shared.domain.webhooks.matching import (
    NO_FACTS,
    SeenEvent,
    candidates,
    is_about,
    may_be_told,
    needs_facts,
    read_event,
)
from shared.domain.webhooks.records import (
    DeliveryRecord,
    SubscriptionRecord,
    delivery_of,
    queue_of,
)
from shared.kafka.dead_letters import Bury, DeadLetter
from shared.kafka.topic_reader import RawMessage
from shared.runtime.logs import get_logger
from shared.runtime.progress import tell_progress
from shared.runtime.telemetry.attributes import message_attributes
from shared.runtime.telemetry.tracing import Span, children_of

FORGETTING_MARGIN = timedelta(hours=12)
"""Events are passed over so long before their deliveries could be forgotten: where the topic is
read anew, none is delivered a second time for that."""
TOGETHER = 200
"""Deliveries that are recorded at once."""
TOGETHER_CHARACTERS = 4_000_000
"""And of their events, each of which may have 900 kB."""

log = get_logger(__name__)
Pair = tuple[SubscriptionRecord, SeenEvent]


async def record_batch(messages: Sequence[RawMessage], context: Context, bury: Bury) -> bool:
    """Record what a batch tells; False where it is for nobody.

    May be repeated. Raises DatabaseUnavailable and KafkaUnavailable, after which it has to be.
    """
    events = await _read(messages, context, bury)
    if not events:
        return False
    # 1. Whom each is for, by what it tells itself. Asked for now, subscriptions are all known that
    #    were made before these events were.
    known = await context.subscriptions.current()
    now = await context.database.now()
    kept_since = now - context.retention + FORGETTING_MARGIN
    pairs = candidates(known, events, kept_since=kept_since)
    # 2. By what their versions are called, and by what the owners may be told of.
    pairs = await _about(pairs, context)
    pairs = await _told(pairs, context)
    # 3. Durable before the batch is acknowledged.
    for together in _portions(pairs):
        tell_progress()
        with _processing(together) as spans:
            deliveries = [_delivery(*pair, now, now + context.retention) for pair in together]
            await record_deliveries(context.database, _traced(deliveries, spans, context))
    return bool(pairs)


async def _read(messages: Sequence[RawMessage], context: Context, bury: Bury) -> list[SeenEvent]:
    """Return the registry's own model events; what is no event becomes a dead letter."""
    events: list[SeenEvent] = []
    for message in messages:
        try:
            event = read_event(message.value or b"")
        except ValueError as error:
            log.error("no model event", partition=message.partition, offset=message.offset)
            await bury(DeadLetter.of_message(message, error))
            continue
        if event is not None and event.source == context.settings.event_source:
            # Its own trace is that of its recording; the message's is that of its sending.
            events.append(replace(event, trace=_trace_of(message) or event.trace))
    return events


async def _about(pairs: Sequence[Pair], context: Context) -> list[Pair]:
    asked = [event.version_id for subscription, event in pairs if needs_facts(subscription, event)]
    facts = await version_facts(context.database, asked) if asked else {}
    return [
        (subscription, event)
        for subscription, event in pairs
        if is_about(subscription, event, facts.get(event.version_id, NO_FACTS))
    ]


async def _told(pairs: Sequence[Pair], context: Context) -> list[Pair]:
    """Return the pairs whose owner may be told of the model."""
    told: list[Pair] = []
    for subscription, event in pairs:
        grants = await context.owners.grants_of(subscription.owner)
        if grants is None:
            if subscription.is_sending:
                await _disable(subscription, context)
        elif may_be_told(grants, event.model):
            told.append((subscription, event))
    return told


async def _disable(subscription: SubscriptionRecord, context: Context) -> None:
    known = context.subscriptions.get(subscription.id)
    if known is not None and known.is_sending:
        after = await disable_subscription(context.database, subscription.id, "owner_gone")
        if after is not None:
            context.subscriptions.put(after)
            log.warning("webhook disabled", webhook=after.id, reason=after.reason)


def _portions(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """Cut the pairs, in their order, into what is recorded at once."""
    together: list[Pair] = []
    size = 0
    for pair in pairs:
        together.append(pair)
        size += len(pair[1].body)
        if len(together) >= TOGETHER or size >= TOGETHER_CHARACTERS:
            yield together
            together, size = [], 0
    if together:
        yield together


def _trace_of(message: RawMessage) -> TraceRecord | None:
    told = {name: value for name, value in message.headers if name in ("traceparent", "tracestate")}
    text = {name: value.decode("latin-1") for name, value in told.items() if value}
    return read_trace(text.get("traceparent"), text.get("tracestate"))


def _processing(pairs: Sequence[Pair]) -> AbstractContextManager[Mapping[str, Span]]:
    """Have a span for each event that is for somebody."""
    return children_of(
        ((event.id, event.trace) for _, event in pairs), "process model event", "consumer"
    )


def _traced(
    deliveries: Sequence[DeliveryRecord], spans: Mapping[str, Span], context: Context
) -> list[DeliveryRecord]:
    """Return the deliveries, each with the span of its event."""
    topic = context.settings.kafka_model_events_topic
    traced: list[DeliveryRecord] = []
    for each in deliveries:
        if (span := spans.get(each.event_id)) is None:
            traced.append(each)
            continue
        span.set(message_attributes(topic, each.event_id, each.model, "process"))
        traced.append(each.model_copy(update={"trace": span.trace}))
    return traced


def _delivery(
    subscription: SubscriptionRecord, event: SeenEvent, now: datetime, forget_at: datetime
) -> DeliveryRecord:
    return DeliveryRecord(
        id=delivery_of(subscription.id, event.id),
        subscription=subscription.id,
        event_id=event.id,
        type=event.type,
        model=event.model,
        sequence=event.sequence,
        body=event.body,
        waiting_in=queue_of(subscription.id, event.model),
        recorded_at=now,
        forget_at=forget_at,
    )
