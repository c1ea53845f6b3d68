"""Moves of aliases as the events tell of them."""

from collections.abc import Iterable

from registry.schemas import ModelEvent
from shared.domain.aliases import MoveRecord


def moves_of(events: Iterable[ModelEvent]) -> list[MoveRecord]:
    """Return the move of each event that tells of one.

    The keys of requests are not told: one that is sent again after the loss is a new one.
    """
    return [
        MoveRecord(
            model=event.data.model,
            alias=event.data.alias.name,
            revision=event.data.alias.revision,
            at=event.time,
            by=event.data.alias.by,
            from_number=event.data.alias.from_number,
            to_number=event.data.alias.to_number,
            version_id=event.data.version_id,
            label=event.data.label,
            reason=event.data.alias.reason,
            sequence=event.sequence,
            proposed_by=event.data.alias.proposed_by,
            proposal=event.data.alias.proposal,
        )
        for event in events
        if event.data.alias is not None
    ]
