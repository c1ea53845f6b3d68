"""Which events a subscriber was given: each one once, also one that comes late."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from registry.schemas import ModelEvent

Start = Literal["now", "beginning"] | int | Mapping[str, int]
"""Where to begin: now, at the oldest event kept, or after a sequence number already seen."""

MAX_GAPS = 100
"""Gaps that are remembered of one model; of more, the oldest one is given up, with a warning."""

logger = logging.getLogger("registry.subscription")


@dataclass(slots=True)
class _Given:
    """What was given of one model."""

    newest: int = 0
    gaps: list[range] = field(default_factory=list[range])
    """Sequence numbers before the newest one whose events have not come, from low to high."""


class Delivered:
    """The sequence numbers of each model that were delivered.

    A topic keeps a model's events in order, except where partitions were added: the model's events
    then go to another one, and an earlier event may be read after a later one. It was not seen
    before, so it is delivered, late, and not taken for a repetition.
    """

    def __init__(self, model: str | None, start: Start) -> None:
        self.from_now = start == "now"
        """Whether reading begins at the end of what there is."""
        self._model = model
        self._given: dict[str, _Given] = {}
        if isinstance(start, int) and model is not None:
            self._given[model] = _Given(start)
        elif isinstance(start, Mapping):
            self._given.update({name: _Given(seen) for name, seen in start.items()})

    def is_new(self, event: ModelEvent) -> bool:
        """Take note of an event, and return whether it is to be delivered."""
        name, sequence = event.data.model, event.sequence
        if self._model not in (None, name):
            return False
        given = self._given.setdefault(name, _Given())
        if sequence > given.newest:
            if sequence > given.newest + 1:
                _remember(name, given, range(given.newest + 1, sequence))
            given.newest = sequence
            return True
        if not _fill(given, sequence):
            return False
        logger.warning("event %d of %r comes after event %d", sequence, name, given.newest)
        return True


def _remember(name: str, given: _Given, gap: range) -> None:
    given.gaps.append(gap)
    if len(given.gaps) > MAX_GAPS:
        lost = given.gaps.pop(0)
        told = (lost[0], lost[-1], name)
        logger.warning("too many gaps: events %d to %d of %r are not waited for", *told)


def _fill(given: _Given, sequence: int) -> bool:
    """Take a number out of the gaps; False where it is in none."""
    for place, gap in enumerate(given.gaps):
        if sequence in gap:
            rest = (range(gap.start, sequence), range(sequence + 1, gap.stop))
            given.gaps[place : place + 1] = [part for part in rest if part]
            return True
    return False
