"""Models, versions and artifacts as the query service tells of them. Times are UTC."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import Field

from registry.schemas.base import Answer
from registry.schemas.metadata import VersionMetadata

VersionState = Literal["pending", "verifying", "ready", "rejected", "missing", "deleted"]
"""pending: bytes are awaited; verifying: being read; ready: verified and immutable; missing: it
was ready, and an object of it is not in storage any more; deleted: it can be restored until it is
purged."""
SETTLED: frozenset[VersionState] = frozenset(("ready", "rejected", "missing", "deleted"))
"""States that a version does not leave by verification."""

DigestState = Literal["verified", "claimed"]


class Reason(Answer):
    """Why a version was rejected."""

    code: str
    """Stable, e.g. "size_mismatch"."""
    detail: str
    """For a person: what was found and which rule it broke."""
    path: str | None = None
    """File that broke it."""


class CompositeDigest(Answer):
    """S3's composite SHA-256 of a multipart object: the digest of its parts' digests."""

    value: str
    """base64(sha256(concatenated part digests))-N, as storage reports and verified it."""
    part_size_bytes: int
    part_count: int


class TensorSummary(Answer):
    """The tensors of a file, added up."""

    count: int
    parameters: int | None = None
    """Elements of all of them; None where the header does not tell."""
    size_bytes: int | None = None
    """Of all of them; None where the size of one is not known."""
    dtypes: dict[str, int] = Field(default_factory=dict[str, int])
    """How many of them have each dtype."""

    @classmethod
    def sum_of(cls, found: Iterable["TensorSummary"]) -> "TensorSummary | None":
        """Return what these add up to; None of none."""
        each = list(found)
        if not each:
            return None
        dtypes: Counter[str] = Counter()
        for summary in each:
            dtypes.update(summary.dtypes)
        return cls(
            count=sum(summary.count for summary in each),
            parameters=_sum(summary.parameters for summary in each),
            size_bytes=_sum(summary.size_bytes for summary in each),
            dtypes=dict(dtypes),
        )


def _sum(numbers: Iterable[int | None]) -> int | None:
    total = 0
    for number in numbers:
        if number is None:
            return None
        total += number
    return total


class Artifact(Answer):
    """A file of a version."""

    path: str
    key: str
    location: str | None = None
    """Key under which its bytes lie, where that is another version's."""
    size_bytes: int
    state: Literal["pending", "verified"]
    sha256: str | None = None
    """Lower-case hex of the whole file."""
    sha256_state: DigestState | None = None
    """verified: storage or a full read confirmed it; claimed: only the uploader said so."""
    composite: CompositeDigest | None = None
    etag: str | None = None
    object_version: str | None = None
    """Storage's id of the exact object that was verified."""
    format: str | None = None
    """Container format that was checked, e.g. "safetensors"; "unknown" passes as bytes."""
    media_type: str | None = None
    details: dict[str, int | str] = Field(default_factory=dict[str, "int | str"])
    """What the format check read, e.g. {"ir_version": 10}."""
    tensors: TensorSummary | None = None
    """Of formats whose header tells of tensors; None where it was not read."""


class Hold(Answer):
    """A legal hold: as long as it is there, nothing of the version is removed."""

    at: datetime
    by: str
    """The principal that set it."""
    reason: str = ""


class Deletion(Answer):
    """The deletion of a version."""

    at: datetime
    by: str
    """The principal that deleted it."""
    reason: str = ""
    state_before: VersionState
    """What it is again once it is restored."""
    purge_due_at: datetime
    """Until then it can be restored."""
    purged_at: datetime | None = None
    """When nothing of it was in storage any more."""


class Version(VersionMetadata, Answer):
    """A version of a registered model."""

    id: str
    """The version's id, unique over all models."""
    model: str
    number: int
    label: str | None = None
    client_id: str | None = None
    """The uploader's own identifier."""
    state: VersionState
    reasons: list[Reason] = Field(default_factory=list[Reason])
    failure: Reason | None = None
    """Why verification was given up until an operator has it tried again."""
    source: Literal["upload", "object"]
    """upload: declared by a session; object: put by an S3 client under the key rule."""
    storage_group: str
    artifacts: list[Artifact]
    aliases: list[str] = Field(default_factory=list[str])
    """Aliases that point at it."""
    size_bytes: int
    created_at: datetime
    ready_at: datetime | None = None
    archived_at: datetime | None = None
    """Put away: it is neither "latest" nor an alias's, and can be downloaded as before."""
    hold: Hold | None = None
    deletion: Deletion | None = None
    """There where the state is "deleted"."""
    revision: int = 1
    """Counts the edits of what is said of it; what `If-Match` names."""
    sequence: int
    """The model's sequence number of this version's newest event."""

    def _repr_html_(self) -> str:
        from registry.schemas.html import show_version

        return show_version(self)


class VersionSummary(Answer):
    """A version as lists tell of it: without its files, parameters and properties."""

    id: str
    model: str
    number: int
    label: str | None = None
    client_id: str | None = None
    state: VersionState
    reasons: list[Reason] = Field(default_factory=list[Reason])
    """The first three of them; the version itself has all."""
    failure: Reason | None = None
    source: Literal["upload", "object"]
    storage_group: str
    description: str = ""
    framework: str = ""
    metrics: dict[str, float] = Field(default_factory=dict[str, float])
    tags: dict[str, str] = Field(default_factory=dict[str, str])
    aliases: list[str] = Field(default_factory=list[str])
    file_count: int
    size_bytes: int
    created_at: datetime
    ready_at: datetime | None = None
    archived_at: datetime | None = None
    hold: Hold | None = None
    deletion: Deletion | None = None
    revision: int = 1
    sequence: int

    def _repr_html_(self) -> str:
        from registry.schemas.html import show_version

        return show_version(self)


class Model(Answer):
    """A registered model."""

    name: str
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict[str, str])
    revision: int = 1
    """Counts the edits of its description and tags; what `If-Match` names."""
    latest_number: int | None = None
    """Highest version number that is ready."""
    version_count: int
    created_at: datetime
    sequence: int
    """Sequence number of the model's newest event."""

    def _repr_html_(self) -> str:
        from registry.schemas.html import show_model

        return show_model(self)


class ModelPage(Answer):
    """Models in order of their names; fewer than asked for where they would be too large."""

    items: list[Model]
    next_cursor: str | None = None
    """Give it back as `cursor` for the next page; None on the last."""


class VersionPage(Answer):
    """Versions of one model, newest first; fewer than asked for where they would be too large."""

    items: list[VersionSummary]
    next_cursor: str | None = None
