"""Checks of the whole model-events topic: order, gaps, and that it tells what the records tell."""

from collections import defaultdict
from collections.abc import Sequence

from registry.schemas import ModelEvent
from shared.domain.records import VersionRecord
from tests.support.topics import Record

UNTOLD = {"pending", "verifying"}
"""A version goes from the one to the other without an event."""


def event_violations(versions: Sequence[VersionRecord], records: Sequence[Record]) -> list[str]:
    """Return what a subscriber would miss, see out of order, or see told wrongly."""
    found: list[str] = []
    by_model: dict[str, list[ModelEvent]] = defaultdict(list)
    for record in records:
        event = ModelEvent.model_validate_json(record.value or b"")
        by_model[event.data.model].append(event)
        if record.key != event.data.model.encode():
            found.append(f"event {event.id} has the key {record.key!r}")
    last: dict[str, ModelEvent] = {}
    for model, events in by_model.items():
        seen = [each for each in _first_occurrences(events, found) if _changes_its_version(each)]
        last |= {event.data.version_id: event for event in seen}
        newest = max((v.sequence for v in versions if v.model == model), default=0)
        if seen and seen[-1].sequence != newest:
            found.append(f"{model}: events end at {seen[-1].sequence}, records at {newest}")
    known = {version.id for version in versions}
    found += [f"event {e.id} tells of no version" for i, e in last.items() if i not in known]
    for version in versions:
        found += _disagreement(version, last.get(version.id))
    return found


def _changes_its_version(event: ModelEvent) -> bool:
    """Whether it does: what tells of an alias or of the model carries a version that stays so."""
    data = event.data
    return not (data.alias or data.proposal or data.model_edit or data.rules)


def _first_occurrences(events: Sequence[ModelEvent], found: list[str]) -> list[ModelEvent]:
    """Drop repeats as a subscriber does; notes gaps, disorder, and repeats that differ."""
    seen: list[ModelEvent] = []
    for event in events:
        if event.sequence <= len(seen):
            if seen[event.sequence - 1] != event:
                found.append(f"event {event.id} came again as another")
        elif event.sequence == len(seen) + 1:
            seen.append(event)
        else:
            model = event.data.model
            found.append(f"{model}: sequence {event.sequence} came after {len(seen)}")
            return seen
    return seen


def _disagreement(version: VersionRecord, event: ModelEvent | None) -> list[str]:
    name = f"{version.model}/{version.number}"
    if event is None:
        return [f"{name} was never announced"]
    told = event.data.state
    if version.state != told and {version.state, told} != UNTOLD:
        return [f"{name} is {version.state}, and its last event is {event.type}"]
    if event.sequence != version.sequence:
        return [f"{name} has sequence {version.sequence}, its last event {event.sequence}"]
    return []
