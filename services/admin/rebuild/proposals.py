"""Proposed moves of aliases as the events tell of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from registry.schemas import ModelEvent
from shared.domain.proposals import ProposalRecord


@dataclass(slots=True)
class Closings:
    """What became of proposals that are not open any more, by their ids."""

    by_id: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def add(self, event: ModelEvent) -> None:
        """Take an event that may tell of a proposal's end."""
        move, proposal = event.data.alias, event.data.proposal
        if move is not None and move.proposal is not None:
            self.by_id[move.proposal] = {
                "state": "approved",
                "closed_by": move.by,
                "closed_at": event.time,
                "revision": move.revision,
            }
        elif proposal is not None and proposal.state != "open":
            self.by_id[proposal.id] = {
                "state": proposal.state,
                "closed_by": proposal.closed_by,
                "closed_at": event.time,
            }


def proposals_of(events: Iterable[ModelEvent], closings: Closings) -> list[ProposalRecord]:
    """Return the proposal of each event that tells of a new one, as it is by now.

    The keys of requests are not told: one that is sent again after the loss is a new one.
    """
    return [
        ProposalRecord.model_validate(
            {
                "id": told.id,
                "model": event.data.model,
                "alias": told.alias,
                "number": told.number,
                "version_id": event.data.version_id,
                "alias_revision": told.alias_revision,
                "by": told.by,
                "reason": told.reason,
                "at": told.proposed_at,
                "expires_at": told.expires_at,
                "sequence": event.sequence,
                **closings.by_id.get(told.id, {}),
            }
        )
        for event in events
        if (told := event.data.proposal) is not None and told.state == "open"
    ]
