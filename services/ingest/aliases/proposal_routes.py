"""Proposed moves of aliases over HTTP: each route parses, calls one use case, and answers."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from registry.schemas import AliasMove, AliasProposal, ProposalRequest
from services.ingest.aliases import proposals
from services.ingest.aliases.aliases import Named
from services.ingest.aliases.conditions import IfMatch, IfNoneMatch
from services.ingest.aliases.routes import Mover, NamedAlias
from services.ingest.context import RequestContext
from services.ingest.idempotency import IdempotencyKey
from shared.domain.aliases import UNCONDITIONAL
from shared.domain.errors import InvalidRequest
from shared.web.json_body import JsonRoute
from shared.web.problems import PROBLEMS

router = APIRouter(
    prefix="/v1/models/{model}/aliases/{alias}/proposals",
    tags=["aliases"],
    responses=PROBLEMS,
    route_class=JsonRoute,
)

ProposalId = Annotated[str, Path(max_length=64)]


async def _unconditional(
    model: str,
    alias: str,
    caller: Mover,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Named:
    for name, value in (("If-Match", if_match), ("If-None-Match", if_none_match)):
        if value is not None:
            rule = "must not stand here: a proposal is for the alias as it was when it was made"
            raise InvalidRequest(name, rule)
    return Named(model, alias, caller, UNCONDITIONAL, idempotency_key)


ProposedAlias = Annotated[Named, Depends(_unconditional)]


@router.post("", status_code=HTTPStatus.CREATED, summary="Propose a move of an alias")
async def propose(
    named: NamedAlias, request: ProposalRequest, context: RequestContext
) -> AliasProposal:
    """Answer the proposal; the alias stays where it is until somebody else approves it.

    `If-Match` and `If-None-Match` say how the alias must be for that.
    """
    return await proposals.propose(named, request, context)


@router.post("/{proposal_id}/approve", summary="Approve a move that somebody else proposed")
async def approve(
    named: ProposedAlias, proposal_id: ProposalId, context: RequestContext
) -> AliasMove:
    """Answer the move, which is made if the alias is where it was when that was proposed."""
    return await proposals.approve(named, proposal_id, context)


@router.delete(
    "/{proposal_id}",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Withdraw one's own proposal, or reject somebody else's",
)
async def withdraw(named: ProposedAlias, proposal_id: ProposalId, context: RequestContext) -> None:
    """Close a proposal without a move; may be repeated."""
    await proposals.withdraw(named, proposal_id, context)
