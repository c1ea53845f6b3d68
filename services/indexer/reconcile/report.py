"""What one comparison saw and repaired."""

from datetime import datetime

from pydantic import BaseModel, Field

MAX_ERRORS = 100
"""Errors that a report tells one by one."""
REPAIRS = (
    *("indexed", "found", "missing", "restored"),
    *("expired", "quarantined", "aborted_uploads"),
)
"""What of a report was not as it should have been, and was mended."""


class Place(BaseModel):
    """How far a round has come."""

    done: list[str] = Field(default_factory=list[str])
    """Walks that came to their end."""
    walk: str = ""
    """The one under way."""
    bucket: str | None = None
    name: str = ""
    """The last name that was compared."""
    model: str = ""
    """The model after it, of which versions were compared."""
    number: int = 0
    """The number of the last of them."""


class Report(BaseModel):
    """Counts of one comparison of bucket and records; of what it would do, in a dry run."""

    started_at: datetime
    finished_at: datetime | None = None
    """None: it is under way, or was cut off."""
    dry_run: bool = False
    objects: int = 0
    """Objects in the buckets."""
    records: int = 0
    """Versions in the database."""
    indexed: int = 0
    """Versions that changed their state by objects whose event was never handled."""
    found: int = 0
    """Folders of objects that no upload declared, put into the queue: each becomes a version."""
    expired: int = 0
    """Uploads whose time was over: rejected, their bytes removed."""
    missing: int = 0
    """Ready versions that lack an object."""
    restored: int = 0
    """Missing versions whose objects are all there again."""
    strays: int = 0
    """Objects of no version."""
    quarantined: int = 0
    """Strays that were hidden behind a delete marker."""
    aborted_uploads: int = 0
    """Multipart uploads that nobody would complete: their parts were removed."""
    errors: list[str] = Field(default_factory=list[str])
    """What could not be compared; the first of it."""
    further_errors: int = 0
    """How much more could not be."""

    def add_error(self, text: str) -> None:
        """Tell an error, or count it where there are many."""
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(text[:1000])
        else:
            self.further_errors += 1

    @property
    def repaired(self) -> int:
        """How much was not as it should have been."""
        return sum(self.repairs.values())

    @property
    def repairs(self) -> dict[str, int]:
        """What was not as it should have been, by kind."""
        return {kind: getattr(self, kind) for kind in REPAIRS}
