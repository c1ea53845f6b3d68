"""Proposals: moves of an alias that wait for somebody else to approve them. Times are UTC."""

from datetime import datetime
from typing import Literal, Self

from pydantic import ConfigDict, model_validator

from registry.schemas.aliases import Why
from registry.schemas.base import Answer, Schema
from registry.schemas.names import RequestedVersion

ProposalState = Literal["open", "approved", "withdrawn", "rejected", "expired", "stale"]
"""withdrawn: by who proposed it; rejected: by somebody else; stale: the alias has moved since."""


class ProposalRequest(Schema):
    """Proposes that an alias point at a version, or that it be removed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": 4, "reason": "auc 0.94"}, {"remove": True}]}
    )

    version: RequestedVersion | None = None
    """Number or label; it must be ready."""
    remove: bool = False
    """In place of a version: that the alias point nowhere."""
    reason: Why = ""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.remove == (self.version is not None):
            raise ValueError("must name a version, or say remove, and not both")
        return self


class AliasProposal(Answer):
    """A proposed move of an alias."""

    id: str
    model: str
    alias: str
    number: int | None = None
    """The version that it shall point at; None: it shall be removed."""
    alias_revision: int
    """The alias's revision when it was proposed; 0: it never was. Once it is another one, the
    proposal is stale."""
    state: ProposalState
    by: str
    """The principal that proposed it, and that cannot approve it."""
    reason: str = ""
    at: datetime
    expires_at: datetime
    closed_by: str | None = None
    """The principal that approved, withdrew or rejected it."""
    closed_at: datetime | None = None
    revision: int | None = None
    """Of one that was approved: the alias's revision that it led to."""


class AliasProposalPage(Answer):
    """Proposals of an alias, the newest first."""

    items: list[AliasProposal]
    next_cursor: str | None = None


class ProposalChange(Answer):
    """What became of a proposal; the event's other data tells of the version that it is about."""

    id: str
    alias: str
    number: int | None = None
    """The version that the alias shall point at; None: it shall be removed."""
    alias_revision: int
    state: Literal["open", "withdrawn", "rejected"]
    by: str
    """Who proposed it."""
    reason: str = ""
    proposed_at: datetime
    expires_at: datetime
    closed_by: str | None = None
    """Who withdrew or rejected it."""
