"""Model events: CloudEvents 1.0 in structured JSON, one topic, key = model name."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from registry.schemas.base import Answer
from registry.schemas.links import Link
from registry.schemas.versions import Artifact, Reason, VersionState

EventType = Literal[
    "registry.version.created.v1",
    "registry.version.ready.v1",
    "registry.version.rejected.v1",
    "registry.version.missing.v1",
    "registry.version.lineage.v1",
    "registry.alias.moved.v1",
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
    """The principal that moved it."""
    reason: str = ""


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
    lineage: list[Link] | None = None
    """All that the version was made from, as far as it was said by then; None: an event of an
    earlier release, which knew no lineage."""
    alias: AliasChange | None = None
    """Of `registry.alias.moved.v1`: the alias that points at the version now, or did so."""


class ModelEvent(Answer):
    """One change of one version, of its state or of what it was made from, or one move of an alias.

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
    """<model>/<number>; of an alias <model>@<alias>."""
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: int
    """Per model, from 1, without gaps."""
    data: EventData
