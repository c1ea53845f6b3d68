"""An alias's page, with the proposed moves that wait, and the forms that decide on them."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response

from registry.schemas import AliasHistoryPage
from services.query.aliases.aliases import list_moves, list_proposals
from services.query.context import Context, RequestContext
from services.query.ui.acts.aliases import ALIAS, Mover, alias_address
from services.query.ui.acts.asking import Refusal, asked, path_of
from services.query.ui.calls import Call
from services.query.ui.forms import read_own_form
from services.query.ui.moments import pointed_at
from services.query.ui.rendering import page
from shared.domain.access.actions import Action
from shared.domain.errors import NotFound
from shared.web.access.caller import Caller

router = APIRouter(include_in_schema=False)

PROPOSAL = ALIAS + "/proposals/{proposal_id}"
ProposalId = Annotated[str, Path(max_length=64)]
MOVES_SHOWN = 50
PROPOSALS_SHOWN = 20
PROPOSALS_READ = 500
"""Those that are over are among them, and must hide none that waits."""
ALIAS_NOT_FOUND = "alias_not_found"


@router.post(PROPOSAL + "/approve")
async def approve(
    model: str,
    alias: str,
    proposal_id: ProposalId,
    request: Request,
    caller: Mover,
    context: RequestContext,
) -> Response:
    """Have a move made that somebody else proposed, or show why not."""
    place = path_of(model, "aliases", alias, "proposals", proposal_id)
    return await _decided(model, alias, Call("POST", f"{place}/approve"), request, caller, context)


@router.post(PROPOSAL + "/close")
async def close(
    model: str,
    alias: str,
    proposal_id: ProposalId,
    request: Request,
    caller: Mover,
    context: RequestContext,
) -> Response:
    """Withdraw one's own proposal or reject another's, or show why not."""
    place = path_of(model, "aliases", alias, "proposals", proposal_id)
    return await _decided(model, alias, Call("DELETE", place), request, caller, context)


async def _decided(
    model: str, alias: str, call: Call, request: Request, caller: Caller, context: Context
) -> Response:
    await read_own_form(request)
    refusal = await asked(request, context, lambda: call)
    if refusal is None:
        return RedirectResponse(alias_address(model, alias), HTTPStatus.SEE_OTHER)
    return await alias_page(model, alias, request, caller, context, refusal=refusal)


async def alias_page(
    model: str,
    alias: str,
    request: Request,
    caller: Caller,
    context: Context,
    *,
    cursor: str | None = None,
    at: datetime | None = None,
    refusal: Refusal | None = None,
) -> Response:
    """Return the page of an alias, with `at` also where it pointed then; raises NotFound."""
    caller.doing(Action.READ).require(model)
    proposals = await list_proposals(model, alias, None, PROPOSALS_READ, context)
    waiting = [each for each in proposals.items if each.state == "open"][:PROPOSALS_SHOWN]
    try:
        moves = await list_moves(model, alias, cursor, MOVES_SHOWN, context)
    except NotFound as error:
        if not waiting or error.code != ALIAS_NOT_FOUND:
            raise
        moves = AliasHistoryPage(items=[])  # it is proposed to make it
    values = {
        "model": model,
        "alias": alias,
        "moves": moves,
        "at": at,
        "then": None if at is None else await pointed_at(model, alias, at, context),
        "proposals": waiting,
        "is_there": bool(moves.items) and cursor is None and moves.items[0].to_number is not None,
        "refusal": refusal,
    }
    status = refusal.status if refusal is not None else HTTPStatus.OK
    return page("alias.html", values, request=request, caller=caller, status=status)
