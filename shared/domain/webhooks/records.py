"""Subscriptions and deliveries as MongoDB keeps them."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from registry.schemas.webhooks import DeliveryState, WebhookMode, WebhookState
from shared.domain.records import Record
from shared.domain.traces import TraceRecord, is_none

KEPT_ATTEMPTS = 20
"""Newest attempts of a delivery that its log keeps."""
DetailText = Literal["", "failing", "gone", "owner_gone"]


class SubscriptionRecord(Record):
    """A subscription. Its secrets are kept elsewhere, where query cannot read them."""

    id: str = Field(validation_alias="_id", serialization_alias="_id")
    url: str
    models: list[str]
    types: list[str] = Field(default_factory=list[str])
    aliases: list[str] = Field(default_factory=list[str])
    tags: dict[str, str] = Field(default_factory=dict[str, str])
    mode: WebhookMode = "structured"
    description: str = ""
    owner: str
    """The principal whose grants say what is delivered."""
    made_by: str
    state: WebhookState = "active"
    reason: DetailText = ""
    failing_since: datetime | None = None
    """When the first delivery failed after which none succeeded."""
    outages: int = 0
    """How often its receiver came back after failures."""
    resumed_at: datetime | None = None
    """When it was resumed last: how long a receiver is waited for begins then."""
    events: int = 0
    """How many events told of the subscription itself: the sequence of the last one."""
    created_at: datetime
    changed_at: datetime
    """By the database's clock: how the notifier finds what changed."""
    request_digest: str | None = None
    """Of the request that made it under an idempotency key."""

    @property
    def is_sending(self) -> bool:
        """Whether its events are sent, and not only kept."""
        return self.state == "active"


class SecretRecord(Record):
    """One secret of a subscription."""

    text: str = Field(repr=False)
    """`whsec_…`: it signs, so that no digest of it would do."""
    until: datetime | None = None
    """When it stops to sign; None: it is the newest one."""


class SecretsRecord(Record):
    """The secrets of a subscription, the newest first; at most two."""

    id: str = Field(validation_alias="_id", serialization_alias="_id")
    secrets: list[SecretRecord]

    def live(self, now: datetime) -> list[str]:
        """Return those that sign now."""
        return [each.text for each in self.secrets if each.until is None or each.until > now]


class AttemptRecord(Record):
    """One request to a receiver, and what became of it."""

    number: int
    at: datetime
    milliseconds: int
    status: int | None = None
    error: str = ""
    detail: str = ""


class DeliveryRecord(Record):
    """An event for a subscription. Its id is made of both, so that it is there once."""

    id: str = Field(validation_alias="_id", serialization_alias="_id")
    subscription: str
    event_id: str
    type: str
    model: str
    """Its events are delivered in order; empty for a test, which is of no model."""
    sequence: int
    body: str = Field(repr=False)
    """The event in structured JSON, as it is on the topic."""
    state: DeliveryState = "waiting"
    waiting_in: str | None = None
    """The queue that it waits in: an index has those alone that wait."""
    recorded_at: datetime
    forget_at: datetime
    first_attempt_at: datetime | None = None
    settled_at: datetime | None = None
    tries: int = 0
    """Attempts since it began to wait: a replay begins anew."""
    attempt_count: int = 0
    attempts: list[AttemptRecord] = Field(default_factory=list[AttemptRecord])
    replays: int = 0
    trace: TraceRecord | None = Field(default=None, exclude_if=is_none)
    """The span that recorded it."""


class QueueRecord(Record):
    """The deliveries of one subscription for one model, of which one at a time is sent."""

    id: str = Field(validation_alias="_id", serialization_alias="_id")
    subscription: str
    model: str
    due_at: datetime
    """When it may be taken: at once, after a pause, or when its holder's lease ends."""
    token: str | None = None
    """Of who holds it."""
    outage: int | None = None
    """The count of outages of its receiver when what waits first in it failed first."""
    pushed: int = 0
    """Grows with each delivery that is put in: whoever removes an empty queue sees it by that."""


def queue_of(subscription: str, model: str) -> str:
    """Return the id of the queue of a subscription and a model."""
    return f"{subscription}:{model}"


def delivery_of(subscription: str, event_id: str) -> str:
    """Return the id of the delivery of an event to a subscription."""
    return f"{subscription}:{event_id}"
