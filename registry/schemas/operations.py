"""What operators are told of the registry as a whole, as it travels. Times are UTC."""

from datetime import datetime

from pydantic import Field

from registry.schemas.base import Answer


class Comparison(Answer):
    """The last comparison of buckets and records that came to its end: what it saw and did."""

    started_at: datetime
    finished_at: datetime | None = None
    objects: int = 0
    """Objects in the buckets."""
    records: int = 0
    """Versions in the database."""
    indexed: int = 0
    """Versions that changed their state by objects whose event was never handled."""
    found: int = 0
    """Folders of objects that no upload declared: each becomes a version."""
    expired: int = 0
    """Uploads whose time was over."""
    missing: int = 0
    """Ready versions that lack an object."""
    restored: int = 0
    """Missing versions whose objects are all there again."""
    strays: int = 0
    """Objects of no version."""
    quarantined: int = 0
    """Strays that were hidden behind a delete marker."""
    aborted_uploads: int = 0
    """Multipart uploads that nobody would complete."""
    errors: list[str] = Field(default_factory=list[str])
    """What could not be compared; the first of it."""
    further_errors: int = 0


class ComparisonState(Answer):
    """How buckets and records compare."""

    last: Comparison | None = None
    """None: none has come to its end yet."""
    is_under_way: bool = False


class StrayObject(Answer):
    """An object, or a folder of them (its key ends with a slash), that belongs to no version."""

    bucket: str
    key: str
    object_version: str | None = None
    size_bytes: int | None = None
    code: str
    """Why it belongs to none."""
    detail: str
    first_seen_at: datetime
    last_seen_at: datetime
    quarantined_at: datetime | None = None
    """When it was hidden behind a delete marker."""


class StrayPage(Answer):
    """Strays, in order of bucket and key."""

    items: list[StrayObject]
    next_cursor: str | None = None


class NamespaceUsage(Answer):
    """What the models of one namespace have."""

    namespace: str
    """Empty: of models whose name has no dot."""
    models: int
    versions: int
    """Those that are ready or missing."""
    logical_bytes: int
    """All files of these, as if each had its own bytes."""


class UsagePage(Answer):
    """Namespaces, the largest first."""

    items: list[NamespaceUsage]
    is_complete: bool = True
    """False: there are smaller ones."""


class DeadLetterItem(Answer):
    """A message, or work, that could not be handled, and lies in the dead-letter topic."""

    partition: int
    """Its place in that topic, as is `offset`."""
    offset: int
    buried_at: datetime
    reason: str
    original_topic: str | None = None
    """Where it is sent when it is replayed."""
    value_bytes: int
    truncated: bool
    """Whether it was cut to what Kafka takes, so that it cannot be replayed."""
    replayed_at: datetime | None = None
    """When it was sent again last."""


class DeadLetterList(Answer):
    """The newest dead letters, the newest first."""

    items: list[DeadLetterItem]
    is_complete: bool = True
    """False: there are older ones."""


class PurgedVersion(Answer):
    """A deleted version whose files were removed."""

    model: str
    number: int
    deleted_at: datetime
    deleted_by: str
    size_bytes: int
    """All its files together; those that other versions refer to are still there."""
    purged_at: datetime


class PurgePage(Answer):
    """What was purged of deleted versions, the newest first."""

    waiting: int
    """Deleted versions that are not purged yet, as far as 1,000."""
    due: int
    """Those of them that can not be restored any more, and wait for a worker."""
    items: list[PurgedVersion]
    next_cursor: str | None = None
