"""Aliases over HTTP: each route parses, calls one use case, and answers."""

from typing import Annotated

from fastapi import APIRouter, Response

from registry.schemas import Alias, AliasHistoryPage, AliasPage, AliasProposalPage
from services.query.aliases import aliases
from services.query.context import RequestContext
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Cursor, Limit
from shared.web.entity_tags import tagged
from shared.web.moments import Moment
from shared.web.problems import PROBLEMS

router = APIRouter(prefix="/v1/models/{model}/aliases", tags=["aliases"], responses=PROBLEMS)

Reader = Annotated[Caller, declares(Action.READ)]


@router.get("", summary="List aliases of a model")
async def list_aliases(
    model: str, caller: Reader, context: RequestContext, cursor: Cursor = None, limit: Limit = 50
) -> AliasPage:
    """Answer a page of the aliases that point somewhere, in order of their names."""
    return await aliases.list_aliases(model, cursor, limit, context)


@router.get("/{alias}", summary="Get an alias, as it is or as it was")
async def get_alias(
    model: str,
    alias: str,
    caller: Reader,
    context: RequestContext,
    response: Response,
    at: Moment = None,
) -> Alias:
    """Answer where an alias points, and its ETag; with `at` where it pointed at that moment."""
    return tagged(await aliases.find_alias(model, alias, at, context), response)


@router.get("/{alias}/history", summary="List the moves of an alias, the newest first")
async def list_moves(
    model: str,
    alias: str,
    caller: Reader,
    context: RequestContext,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> AliasHistoryPage:
    """Answer a page of its moves: who made them, when, from where, to where and why."""
    return await aliases.list_moves(model, alias, cursor, limit, context)


@router.get("/{alias}/proposals", summary="List the proposed moves of an alias, the newest first")
async def list_proposals(
    model: str,
    alias: str,
    caller: Reader,
    context: RequestContext,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> AliasProposalPage:
    """Answer a page of them: those that wait for approval, and what became of the others."""
    return await aliases.list_proposals(model, alias, cursor, limit, context)
