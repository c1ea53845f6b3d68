"""Which subscriptions an event is for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from shared.domain.access.actions import Action
from shared.domain.access.decision import decide
from shared.domain.access.grants import Grant, matches
from shared.domain.traces import TraceRecord, read_trace
from shared.domain.webhooks.records import SubscriptionRecord

CLOCK_MARGIN = timedelta(seconds=60)
"""How far the clocks of two machines may be apart: a subscription is given what happened up to so
long before it was made, and misses nothing that happened after."""


EventId = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$")]
"""It is sent as a header."""
ModelText = Annotated[str, StringConstraints(min_length=1, max_length=300)]
"""Longer than any name: it is part of the ids of queues, which are indexed."""


class _Lenient(BaseModel):
    """What is read of an event; a newer release may say more.

    Whatever can be read can be recorded and sent: what could not would stop all that comes after.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Alias(_Lenient):
    name: str


class _Proposal(_Lenient):
    alias: str


class _Data(_Lenient):
    model: ModelText
    version_id: str
    alias: _Alias | None = None
    proposal: _Proposal | None = None


class _Event(_Lenient):
    id: EventId
    source: str
    type: str
    sequence: Annotated[int, Field(ge=0, lt=2**63)]
    time: AwareDatetime
    data: _Data
    traceparent: object = None
    """Whatever it is: what is no context is none."""
    tracestate: object = None


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """A model event, as far as it decides who is told of it."""

    id: str
    source: str
    type: str
    model: str
    sequence: int
    at: datetime
    version_id: str
    alias: str | None
    """The alias that it is about."""
    body: str
    """The event as it is on the topic."""
    trace: TraceRecord | None = None
    """The trace that it tells of itself."""


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What a version is called and tagged when its event is read."""

    aliases: frozenset[str] = frozenset()
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


NO_FACTS = VersionFacts()


def read_event(value: bytes) -> SeenEvent | None:
    """Read a record of the topic; None for what tells of no model, such as a namespace's rules.

    Raises ValueError for what is no event at all.
    """
    try:
        text = value.decode()
        found = _Event.model_validate_json(text)
    except ValidationError as error:
        if _tells_of_something_else(value):
            return None
        raise ValueError(f"no model event: {error.error_count()} errors") from error
    data = found.data
    alias = data.alias.name if data.alias else data.proposal.alias if data.proposal else None
    return SeenEvent(
        found.id,
        found.source,
        found.type,
        data.model,
        found.sequence,
        found.time,
        data.version_id,
        alias,
        text,
        _trace(found),
    )


def _trace(event: _Event) -> TraceRecord | None:
    parent, state = event.traceparent, event.tracestate
    if not isinstance(parent, str):
        return None
    return read_trace(parent, state if isinstance(state, str) else None)


class _OtherEvent(_Lenient):
    id: str
    source: str
    type: str


def _tells_of_something_else(value: bytes) -> bool:
    try:
        found = _OtherEvent.model_validate_json(value)
    except ValidationError:
        return False
    # Those of versions and aliases, and of a model's own rules, tell of a model.
    return found.type.startswith(("registry.namespace.", "registry.webhook."))


def may_match(subscription: SubscriptionRecord, event: SeenEvent, *, kept_since: datetime) -> bool:
    """Whether all matches that an event shows by itself: what its version is called is another.

    `kept_since`: deliveries of older events may be forgotten already, so that they are passed over
    where the topic is read anew.
    """
    begins = max(subscription.created_at - CLOCK_MARGIN, kept_since)
    if event.at < begins:
        return False
    if subscription.types and event.type not in subscription.types:
        return False
    return any(matches(pattern, event.model) for pattern in subscription.models)


def needs_facts(subscription: SubscriptionRecord, event: SeenEvent) -> bool:
    """Whether it depends on what the event's version is called or tagged."""
    by_alias = bool(subscription.aliases) and event.alias not in subscription.aliases
    return by_alias or bool(subscription.tags)


def is_about(subscription: SubscriptionRecord, event: SeenEvent, facts: VersionFacts) -> bool:
    """Whether an event is about the aliases and the tags that a subscription is for."""
    wanted = subscription.aliases
    if wanted and event.alias not in wanted and facts.aliases.isdisjoint(wanted):
        return False
    return all(facts.tags.get(name) == text for name, text in subscription.tags.items())


def may_be_told(grants: Iterable[Grant], model: str) -> bool:
    """Whether who holds these grants may be told of a model."""
    return decide(grants, Action.FOLLOW, model).is_allowed


def candidates(
    subscriptions: Iterable[SubscriptionRecord],
    events: Sequence[SeenEvent],
    *,
    kept_since: datetime,
) -> list[tuple[SubscriptionRecord, SeenEvent]]:
    """Return the pairs that may match, events in their order."""
    known = list(subscriptions)
    return [
        (subscription, event)
        for event in events
        for subscription in known
        if may_match(subscription, event, kept_since=kept_since)
    ]
