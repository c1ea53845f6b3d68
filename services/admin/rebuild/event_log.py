"""What all events together tell: checked as they come, and never kept."""

from dataclasses import dataclass, field
from datetime import datetime

from registry.schemas import ModelEvent
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
    repeated: int = 0
    disorder: Findings = field(default_factory=Findings)

    def add(self, event: ModelEvent) -> None:
        """Take the next event of the topic."""
        data, sequence = event.data, event.sequence
        model = self.models.setdefault(data.model, ModelLog(event.time))
        if sequence > model.sequence:
            if sequence > model.sequence + 1:
                model.missing.append(range(model.sequence + 1, sequence))
            model.sequence = sequence
        elif model.fill(sequence):
            self.disorder.add(f"{data.model}: event {sequence} came after event {model.sequence}")
        elif data.version_id in self.newest:
            self.repeated += 1
        else:
            # Its version was not heard of before: another event had the number.
            self.disorder.add(f"{data.model}: event {sequence} has a number that was taken")
        model.number = max(model.number, data.number)
        if not _tells_state(event):
            self._add_change(event)
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

    def gaps(self) -> Findings:
        """Return what is missing now."""
        found = Findings()
        for name, model in self.models.items():
            for gap in model.missing:
                found.add(f"{name}: no event {_text(gap)}")
        return found

    def take(self, event: ModelEvent) -> bool:
        """Whether it is its version's newest event; says so once, in a second reading."""
        newest = self.newest.get(event.data.version_id)
        if not _tells_state(event) or newest != event.sequence:
            return False
        del self.newest[event.data.version_id]
        return True


def _tells_state(event: ModelEvent) -> bool:
    """Whether it tells something new of its version's state, and not only of what refers to it."""
    return event.data.alias is None and event.data.edit is None and event.data.model_edit is None


def _text(gap: range) -> str:
    return str(gap[0]) if len(gap) == 1 else f"{gap[0]} to {gap[-1]}"
