"""Dead letters on a page, each with the command that sends it again."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.query.context import RequestContext
from services.query.operations.dead_letters import MOST_SHOWN, newest_letters
from services.query.operations.routes import EVERYTHING
from services.query.ui.operators.sections import DEAD_LETTERS
from services.query.ui.rendering import page
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares

router = APIRouter(include_in_schema=False)


@router.get(DEAD_LETTERS)
async def show_dead_letters(
    request: Request,
    caller: Annotated[Caller, declares(Action.READ_OPERATIONS)],
    context: RequestContext,
) -> Response:
    """Answer the newest dead letters."""
    caller.require_pattern(EVERYTHING)
    values = {"letters": await newest_letters(MOST_SHOWN, context)}
    await caller.confirm()  # it may have waited
    return page("operators/dead_letters.html", values, request=request, caller=caller)
