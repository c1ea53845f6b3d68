"""What a rebuilding found and did."""

from datetime import datetime

from pydantic import BaseModel, Field

from services.indexer.reconcile.report import Report

MAX_EXAMPLES = 100


class Findings(BaseModel):
    """Things of one kind: how many, and what the first hundred of them are."""

    count: int = 0
    examples: list[str] = Field(default_factory=list[str])

    def add(self, example: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(example)


class RebuildReport(BaseModel):
    """What the event topic and the manifests tell, beside what the records told; in a dry run,
    what would be changed."""

    started_at: datetime
    finished_at: datetime | None = None
    dry_run: bool = False
    events: int = 0
    """Messages in the event topic."""
    foreign: Findings = Field(default_factory=Findings)
    """Events of other registries (`REGISTRY_NAME`) on the same topic, which are left alone."""
    repeated: int = 0
    """Events that came again; a subscriber drops them by their sequence numbers."""
    models: int = 0
    """Models that the events or the manifests name."""
    gaps: Findings = Field(default_factory=Findings)
    """Sequence numbers of a model that no event has."""
    disorder: Findings = Field(default_factory=Findings)
    """Events that came after a later one of their model, or under a number that was taken."""
    confirmed: int = 0
    """Versions whose record says what their newest event says."""
    ahead: int = 0
    """Versions whose newest event is still to be published."""
    rebuilt: int = 0
    """Versions that had no record, made anew from their events."""
    updated: int = 0
    """Versions whose record was older than their newest event."""
    differing: Findings = Field(default_factory=Findings)
    """Versions whose record has the newest event's number and another state; left as they are."""
    unverified: Findings = Field(default_factory=Findings)
    """Versions whose event did not tell what was found of their files: they are verified again."""
    opened: int = 0
    """Versions of which only the manifest is left: verified again, as if just opened."""
    moves: int = 0
    """Moves of aliases that the history lacked."""
    aliases: int = 0
    """Aliases that pointed elsewhere, or nowhere."""
    references: int = 0
    """Files whose count of others that share their bytes was another one."""
    edits: int = 0
    """Edits that the history lacked."""
    edited: int = 0
    """Versions and models that lacked some of their edits."""
    proposals: int = 0
    """Proposed moves of aliases that were lacking, or that are closed by now."""
    rules: int = 0
    """Scopes whose rules were lacking, or were older ones."""
    edges: int = 0
    """Versions and parents that were not found by each other."""
    asked_to_confirm: int = 0
    """Ready versions whose files a worker reads once more, for their part digests."""
    conflicts: Findings = Field(default_factory=Findings)
    """Versions, labels and keys that are taken by another version."""
    errors: Findings = Field(default_factory=Findings)
    """What could not be read, or not be rebuilt."""
    reconciled: Report | None = None
    """The comparison with the bucket that came last; none in a dry run."""
