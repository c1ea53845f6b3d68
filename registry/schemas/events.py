"""Model events: CloudEvents 1.0 in structured JSON, one topic, key = model name."""

from datetime import datetime
from typing import Literal

from pydantic import Field, JsonValue

from registry.schemas.base import Answer
from registry.schemas.links import Link
from registry.schemas.proposals import ProposalChange
from registry.schemas.rules import RulesChange
from registry.schemas.versions import Artifact, Deletion, Hold, Reason, VersionState

EventType = Literal[
    "registry.version.created.v1",
    "registry.version.ready.v1",
    "registry.version.rejected.v1",
    "registry.version.missing.v1",
    "registry.version.archived.v1",
    "registry.version.unarchived.v1",
    "registry.version.held.v1",
    "registry.version.released.v1",
    "registry.version.deleted.v1",
    "registry.version.restored.v1",
    "registry.version.purged.v1",
    "registry.version.lineage.v1",
    "registry.alias.moved.v1",
    "registry.version.edited.v1",
    "registry.model.edited.v1",
    "registry.alias.proposed.v1",
    "registry.alias.withdrawn.v1",
    "registry.model.rules.v1",
]


class AliasChange(Answer):
    """What became of an alias; the event's other data tells of the version."""

    name: str
    revision: int
    """Counts the alias's moves."""
    from_number: int | None = None
    """Where it pointed before; None: it was not there."""
    to_number: int | None = None
    """None: it was removed, and the version is the one that it pointed at."""
    by: str
    """The principal that moved it, or approved the move."""
    reason: str = ""
    proposed_by: str | None = None
    """The principal that proposed the move; None: nobody did."""
    proposal: str | None = None
    """Id of the proposal that was approved by it."""


class EditChange(Answer):
    """What an edit changed of what is said of a version, or of a model."""

    revision: int
    """The revision that it led to; the first edit leads to 2."""
    by: str
    """The principal that made it."""
    reason: str = ""
    before: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """The fields that it changed as they were; of those with named entries, the changed entries."""
    after: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """The same as it made them; what is in `before` alone it removed."""


class EventData(Answer):
    """The version as it was when the event was recorded."""

    model: str
    number: int
    label: str | None = None
    version_id: str
    source: Literal["upload", "object"] | None = None
    """As of a version: declared by an upload, or found in storage."""
    upload_id: str | None = None
    """Events of releases before 0.2 have it in place of `source`: the id of the version."""
    state: VersionState
    storage_group: str
    artifacts: list[Artifact] = Field(default_factory=list[Artifact])
    ready_at: datetime | None = None
    """When the version became ready."""
    reasons: list[Reason] = Field(default_factory=list[Reason])
    archived_at: datetime | None = None
    hold: Hold | None = None
    deletion: Deletion | None = None
    lineage: list[Link] | None = None
    """All that the version was made from, as far as it was said by then; None: an event of an
    earlier release, which knew no lineage."""
    alias: AliasChange | None = None
    """Of `registry.alias.moved.v1`: the alias that points at the version now, or did so."""
    edit: EditChange | None = None
    """Of `registry.version.edited.v1`: what was changed of what is said of the version."""
    model_edit: EditChange | None = None
    """Of `registry.model.edited.v1`: what was changed of what is said of the model; the event's
    other data tells of the model's newest version."""
    proposal: ProposalChange | None = None
    """Of `registry.alias.proposed.v1` and `registry.alias.withdrawn.v1`: a move that waits for
    approval, or does so no more; the event's other data tells of the version that it is about."""
    rules: RulesChange | None = None
    """Of `registry.model.rules.v1`: the model's rules; the event's other data tells of the model's
    newest version."""


class ModelEvent(Answer):
    """One change of one version, of its state, of what is said of it or of what it was made from,
    one move of an alias, or one edit of a model.

    Delivered at least once, and in order per model unless partitions are added to the topic:
    whoever drops the sequence numbers of a model that came before sees each event exactly once.
    """

    specversion: Literal["1.0"] = "1.0"
    id: str
    """Unique; the same on every delivery of the event."""
    source: str
    """The registry it comes from: others may share the topic."""
    type: EventType | str
    subject: str
    """<model>/<number>; of an alias <model>@<alias>; of an edit of the model, or of its rules,
    <model>."""
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: int
    """Per model, from 1, without gaps."""
    traceparent: str | None = None
    """The trace in which it was recorded, as W3C Trace Context writes it: CloudEvents' extension
    for distributed tracing. None: in none."""
    tracestate: str | None = None
    """What tracing systems say of that trace among themselves."""
    data: EventData


class StreamedEvent(ModelEvent):
    """An event as it comes over HTTP."""

    place: str = ""
    """Where it stands in the stream: by this, what comes behind it is asked for."""


class NamespaceEvent(Answer):
    """A change of the rules of a namespace, or of those of all models.

    It is of no model, so its key is the scope, `risk.*` or `*`, which is no model's name. Who
    follows models passes it over; rules are rebuilt from it.
    """

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: Literal["registry.namespace.rules.v1"] = "registry.namespace.rules.v1"
    subject: str
    """The scope."""
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: int
    """Per scope, from 1, without gaps: the revision of its rules."""
    traceparent: str | None = None
    """The trace in which it was recorded, as W3C Trace Context writes it: CloudEvents' extension
    for distributed tracing. None: in none."""
    tracestate: str | None = None
    """What tracing systems say of that trace among themselves."""
    data: RulesChange


class WebhookChange(Answer):
    """What became of a subscription of webhooks."""

    webhook: str
    """Its id."""
    owner: str
    state: Literal["disabled"]
    reason: str
    """failing, gone (the receiver answered 410), or owner_gone."""
    failing_since: datetime | None = None


class WebhookEvent(Answer):
    """A subscription of webhooks was disabled: its receiver failed for long, or its owner is gone.

    It is of no model, so its key is `webhook:` and the subscription's id. Who follows models passes
    it over.
    """

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: Literal["registry.webhook.disabled.v1"] = "registry.webhook.disabled.v1"
    subject: str
    """`webhook:` and the subscription's id."""
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: int
    """Per subscription, from 1, without gaps."""
    traceparent: str | None = None
    """The trace in which it was recorded, as W3C Trace Context writes it: CloudEvents' extension
    for distributed tracing. None: in none."""
    tracestate: str | None = None
    """What tracing systems say of that trace among themselves."""
    data: WebhookChange
