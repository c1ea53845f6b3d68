"""Model events: CloudEvents 1.0 in structured JSON, one topic, key = model name."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from registry.schemas.base import Answer
from registry.schemas.proposals import ProposalChange
from registry.schemas.rules import RulesChange
from registry.schemas.versions import Artifact, Reason, VersionState

EventType = Literal[
    "registry.version.created.v1",
    "registry.version.ready.v1",
    "registry.version.rejected.v1",
    "registry.version.missing.v1",
    "registry.alias.moved.v1",
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
    reasons: list[Reason] = Field(default_factory=list[Reason])
    alias: AliasChange | None = None
    """Of `registry.alias.moved.v1`: the alias that points at the version now, or did so."""
    proposal: ProposalChange | None = None
    """Of `registry.alias.proposed.v1` and `registry.alias.withdrawn.v1`: a move that waits for
    approval, or does so no more; the event's other data tells of the version that it is about."""
    rules: RulesChange | None = None
    """Of `registry.model.rules.v1`: the model's rules; the event's other data tells of the model's
    newest version."""


class ModelEvent(Answer):
    """One state change of one version, or one move of an alias.

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
    """<model>/<number>; of an alias <model>@<alias>; of a model's rules <model>."""
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: int
    """Per model, from 1, without gaps."""
    data: EventData


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
    data: RulesChange
