"""Proposed moves of aliases: when one may be approved, and what it is at a moment. Pure."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from registry.schemas import AliasProposal, ProposalState
from shared.domain.aliases import MoveRecord
from shared.domain.errors import Conflict, Denied, NotFound
from shared.domain.records import Record

PROPOSAL_LIFE = timedelta(days=7)
"""How long a proposal can be approved."""
MAX_OPEN = 20
"""Proposals of one alias that wait for approval."""


class ProposalRecord(Record):
    """A proposed move, and what became of it."""

    id: str = Field(validation_alias="_id", serialization_alias="_id")
    model: str
    alias: str
    number: int | None
    """None: the alias shall be removed."""
    version_id: str
    """The version that it is about: of a removal the one that the alias pointed at."""
    alias_revision: int
    """The alias's revision when it was proposed; 0: it never was."""
    by: str
    reason: str = ""
    at: datetime
    expires_at: datetime
    sequence: int
    """Sequence number of the event that told of it first."""
    state: Literal["open", "approved", "withdrawn", "rejected"] = "open"
    closed_by: str | None = None
    closed_at: datetime | None = None
    revision: int | None = None
    """Of one that was approved: the alias's revision that it led to."""
    key: str | None = None
    """Digest of who proposed it and by which idempotency key."""
    request: str | None = None
    """Digest of what was asked for by that key."""


def revision_of(move: MoveRecord | None) -> int:
    """Return the revision of an alias by its last move, also of one that was removed."""
    return move.revision if move is not None else 0


def state_at(proposal: ProposalRecord, now: datetime, alias_revision: int) -> ProposalState:
    """Return what a proposal is at a moment, with the alias at a revision."""
    if proposal.state != "open":
        return proposal.state
    if proposal.alias_revision != alias_revision:
        return "stale"
    return "expired" if proposal.expires_at <= now else "open"


def require_approvable(
    proposal: ProposalRecord, by: str, now: datetime, alias_revision: int
) -> None:
    """Return where a principal may have the proposed move made now.

    Raises Denied "own_proposal", and Conflict "proposal_stale", "proposal_expired" or
    "proposal_closed".
    """
    state = state_at(proposal, now, alias_revision)
    told = f"proposal {proposal.id}"
    if state == "stale":
        detail = (
            f"{told} was made with alias {proposal.alias!r} at revision"
            f" {proposal.alias_revision}, which is at {alias_revision} by now"
        )
        raise Conflict("proposal_stale", detail)
    if state == "expired":
        raise Conflict("proposal_expired", f"{told} was open until {proposal.expires_at}")
    if state != "open":
        raise closed(proposal)
    if proposal.by == by:
        raise Denied("own_proposal", f"{told} is your own: somebody else has to approve it")


def require_room(model: str, alias: str, count: int) -> None:
    """Raise Conflict where so many proposals of an alias wait that it can have no further one."""
    if count >= MAX_OPEN:
        detail = f"{count} proposals of alias {alias!r} of model {model!r} wait for approval"
        raise Conflict("too_many_proposals", detail)


def closed(proposal: ProposalRecord) -> Conflict:
    """Return the conflict of a proposal that is open no more."""
    return Conflict("proposal_closed", f"proposal {proposal.id} is {proposal.state}")


def proposal_not_found(model: str, alias: str, proposal_id: str) -> NotFound:
    """Return the error of a proposal that an alias does not have."""
    detail = f"alias {alias!r} of model {model!r} has no proposal {proposal_id!r}"
    return NotFound("proposal_not_found", detail)


def told_proposal(proposal: ProposalRecord, now: datetime, alias_revision: int) -> AliasProposal:
    """Return what users are told of a proposal at a moment."""
    state = state_at(proposal, now, alias_revision)
    return AliasProposal.model_validate({**proposal.model_dump(), "state": state})
