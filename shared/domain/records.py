"""Versions as MongoDB keeps them: what the services pass among themselves.

A version's document holds everything about it: its artifacts, and the upload session that makes
it. One document means one atomic state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from registry.schemas import CompositeDigest, DigestState, Reason, TensorSummary, VersionState
from registry.schemas.links import Link
from registry.schemas.uploads import SessionState
from shared.domain.traces import TraceRecord, is_none


class Record(BaseModel):
    """A frozen document; fields of a newer release are kept when it is written back."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)


class ArtifactRecord(Record):
    """A file of a version: what was declared, and what was found."""

    path: str
    key: str
    location: str | None = None
    """Key of another version's artifact under which its bytes lie, where they were stored before;
    its own `etag` and `object_version` are then those of that object."""
    references: int = 0
    """How many artifacts of other versions lie under its key."""
    size_bytes: int
    kind: Literal["put", "multipart", "object"]
    """put, multipart: declared by a session; object: found in the bucket."""
    state: Literal["pending", "verified"] = "pending"
    expected_sha256: str | None = None
    """Hex digest that the uploader promised when the session was opened."""
    claimed_sha256: str | None = None
    """Hex digest that the uploader stated of a multipart object; nobody checked it."""
    part_size_bytes: int | None = None
    part_count: int | None = None
    multipart_id: str | None = None
    """Storage's id of the multipart upload, once the first part was signed."""
    sha256: str | None = None
    sha256_state: DigestState | None = None
    composite: CompositeDigest | None = None
    etag: str | None = None
    object_version: str | None = None
    format: str | None = None
    media_type: str | None = None
    details: dict[str, int | str] = Field(default_factory=dict[str, "int | str"])
    tensors: TensorSummary | None = None

    @property
    def stored_key(self) -> str:
        """The key under which its bytes lie."""
        return self.location or self.key

    @property
    def is_attested(self) -> bool:
        """Whether the bytes have a digest that storage verified, or that we computed."""
        return self.sha256_state == "verified" or self.composite is not None


class CommitRecord(Record):
    """The commit of a Hugging Face client that made a version."""

    branch: str
    parent_id: str | None
    """Id of the version whose files it began with."""
    branch_revision: int | None = None
    """The move of the alias that stands for the branch, as it was then; None: it was not there, or
    the branch is `main`, which no alias stands for."""


class SessionRecord(Record):
    """The upload session of a version."""

    state: SessionState = "open"
    expires_at: datetime
    idempotency_key: str | None = None
    request_digest: str
    owner: str | None = None
    """The principal that opened it; None: an earlier release, which knew no principals."""
    secret: str | None = None
    """The end of the upload's id: ids of versions are public, and uploads are their owner's."""
    token_sha256: list[str] = Field(default_factory=list[str])
    """Digests of the tokens that its plans carried."""
    commit: CommitRecord | None = None
    """Where a commit made the version: its bytes were there when it was opened."""


WorkKind = Literal["verify", "join", "confirm", "clean", "purge"]


class WorkRecord(Record):
    """What is left to do for a version, and who does it: its place in a queue by due time."""

    kind: WorkKind
    """verify: read it whole, or check its large header, before it can be ready; join: join the
    parts of a completed upload; confirm: compute the digests it lacks; clean: remove what an upload
    that ended left behind; purge: remove what a deleted version has in storage."""
    due_at: datetime
    """When a worker may take it: at once, after a pause, or when its holder's lease ends."""
    token: str | None = None
    """Fencing token of who holds it; findings under another one do not count."""
    attempts: int = 0
    """How often it was taken."""


class HoldRecord(Record):
    """A legal hold on a version: until it is released, nothing of the version is removed."""

    at: datetime
    by: str
    """The principal that set it."""
    reason: str = ""


class DeletionRecord(Record):
    """The deletion of a version."""

    at: datetime
    by: str
    """The principal that deleted it."""
    reason: str = ""
    state_before: VersionState
    """What it is again once it is restored."""
    purge_due_at: datetime
    """Until then it can be restored; no URL that was signed before the deletion lives longer."""
    purge_began_at: datetime | None = None
    """From then on it can not: its objects are being removed."""
    purged_at: datetime | None = None
    """When the last of them was gone."""


class VersionRecord(Record):
    """A version of a registered model."""

    id: str = Field(validation_alias="_id", serialization_alias="_id")
    model: str
    number: int
    label: str | None = None
    client_id: str | None = None
    state: VersionState = "pending"
    reasons: list[Reason] = Field(default_factory=list[Reason])
    source: Literal["upload", "object"]
    storage_group: str
    artifacts: list[ArtifactRecord]
    description: str = ""
    framework: str = ""
    metrics: dict[str, float] = Field(default_factory=dict[str, float])
    parameters: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    tags: dict[str, str] = Field(default_factory=dict[str, str])
    properties: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    aliases: list[str] = Field(default_factory=list[str])
    """Aliases that point at it."""
    lineage: list[Link] = Field(default_factory=list[Link])
    """What it was made from."""
    size_bytes: int
    created_at: datetime
    ready_at: datetime | None = None
    archived_at: datetime | None = None
    hold: HoldRecord | None = None
    deletion: DeletionRecord | None = None
    """There as long as the state is "deleted"."""
    revision: int = 1
    """Counts the edits of what is said of it."""
    sequence: int = 0
    session: SessionRecord | None = None
    work: WorkRecord | None = None
    failure: Reason | None = None
    """Why the work was given up: it failed too often, and is a dead letter now."""
    trace: TraceRecord | None = Field(default=None, exclude_if=is_none)
    """The span that opened it; None, and not written at all, where there was none."""


@dataclass(frozen=True, slots=True)
class PlacedArtifact:
    """Where an artifact lies, and what was verified there."""

    key: str
    etag: str | None
    object_version: str | None
    is_verified: bool
    location: str | None = None
    """Key of another version's artifact under which its bytes lie."""
    references: int = 0
    """How many artifacts of other versions lie under its key."""


@dataclass(frozen=True, slots=True)
class PlacedVersion:
    """As much of a version as a comparison with its bucket needs."""

    id: str
    number: int
    state: VersionState
    storage_group: str
    has_work: bool
    """Whether work is left to do for it, or was given up."""
    artifacts: Sequence[PlacedArtifact]
    is_purged: bool = False
    """Whether its objects are being removed, or are gone."""


def new_id() -> str:
    """Return a new unguessable id: 32 hex characters."""
    return uuid4().hex


def utc_now() -> datetime:
    """Return the time with the milliseconds that MongoDB keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
