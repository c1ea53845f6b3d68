"""What all events together tell: checked as they come, and never kept."""

from dataclasses import dataclass, field
from datetime import datetime

from registry.schemas import ModelEvent, NamespaceEvent
from services.admin.rebuild.proposals import Closings
from services.admin.rebuild.report import Findings
from shared.database.edits import Place


@dataclass(slots=True)
class ModelLog:
    """What the events of one model tell together."""

    since: datetime
    """Time of the first event."""
    sequence: int = 0
    """Highest sequence number."""
    number: int = 0
    """Highest version number."""
    missing: list[range] = field(default_factory=list[range])
    """Sequence numbers below the highest that no event had so far."""

    def fill(self, sequence: int) -> bool:
        """Take a number out of the missing ones; False where it is none of them."""
        for place, gap in enumerate(self.missing):
            if sequence in gap:
                parts = (range(gap.start, sequence), range(sequence + 1, gap.stop))
                self.missing[place : place + 1] = [part for part in parts if part]
                return True
        return False


@dataclass(slots=True)
class EventLog:
    """A summary of the events; of a version it keeps its names and a number."""

    models: dict[str, ModelLog] = field(default_factory=dict[str, ModelLog])
    namespaces: dict[str, ModelLog] = field(default_factory=dict[str, ModelLog])
    """Of each namespace that has rules, by its scope, what its events tell together."""
    newest: dict[str, int] = field(default_factory=dict[str, int])
    """Sequence number of the newest event that tells of each version's state, by version id."""
    numbers: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    """Model and number of each version."""
    buckets: set[str] = field(default_factory=set[str])
    aliases: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Model and name of each alias."""
    edits: dict[str, int] = field(default_factory=dict[str, int])
    """Sequence number of each version's newest edit, by version id."""
    edited: set[Place] = field(default_factory=set[Place])
    """What was edited."""
    closings: Closings = field(default_factory=Closings)
    """What became of proposals."""
    repeated: int = 0
    disorder: Findings = field(default_factory=Findings)

    def add(self, event: ModelEvent) -> None:
        """Take the next event of the topic."""
        data, sequence = event.data, event.sequence
        model = self.models.setdefault(data.model, ModelLog(event.time))
        self._follow(model, data.model, sequence, is_known=data.version_id in self.newest)
        model.number = max(model.number, data.number)
        if is_beside(event):
            self._add_change(event)
            self.closings.add(event)
            return
        self.newest[data.version_id] = max(sequence, self.newest.get(data.version_id, 0))
        self.numbers.add((data.model, data.number))
        self.buckets.add(data.storage_group)

    def _add_change(self, event: ModelEvent) -> None:
        """Take an event that tells of something else than a version's state."""
        data = event.data
        if data.alias is not None:
            self.aliases.add((data.model, data.alias.name))
        if data.edit is not None:
            newest = self.edits.get(data.version_id, 0)
            self.edits[data.version_id] = max(event.sequence, newest)
            self.edited.add(Place(data.model, data.number))
        if data.model_edit is not None:
            self.edited.add(Place(data.model))

    def add_namespace(self, event: NamespaceEvent) -> None:
        """Take the next event of a namespace: its revisions are a sequence like a model's."""
        scope = self.namespaces.setdefault(event.data.scope, ModelLog(event.time))
        self._follow(scope, event.data.scope, event.sequence, is_known=True)

    def _follow(self, log: ModelLog, name: str, sequence: int, *, is_known: bool) -> None:
        """Take the next sequence number; `is_known` says whether what it tells of was heard of."""
        if sequence > log.sequence:
            if sequence > log.sequence + 1:
                log.missing.append(range(log.sequence + 1, sequence))
            log.sequence = sequence
        elif log.fill(sequence):
            self.disorder.add(f"{name}: event {sequence} came after event {log.sequence}")
        elif is_known:
            self.repeated += 1
        else:
            # Its version was not heard of before: another event had the number.
            self.disorder.add(f"{name}: event {sequence} has a number that was taken")

    def gaps(self) -> Findings:
        """Return what is missing now."""
        found = Findings()
        for name, model in (*self.models.items(), *self.namespaces.items()):
            for gap in model.missing:
                found.add(f"{name}: no event {_text(gap)}")
        return found

    def take(self, event: ModelEvent) -> bool:
        """Whether it is its version's newest event; says so once, in a second reading."""
        if is_beside(event) or self.newest.get(event.data.version_id) != event.sequence:
            return False
        del self.newest[event.data.version_id]
        return True


def is_beside(event: ModelEvent) -> bool:
    """Whether it tells of something else, and nothing new of its version's state."""
    data = event.data
    others = (data.alias, data.edit, data.model_edit, data.proposal, data.rules)
    return any(each is not None for each in others)


def _text(gap: range) -> str:
    return str(gap[0]) if len(gap) == 1 else f"{gap[0]} to {gap[-1]}"
