"""Who somebody is here, what they may, and where they are signed in, which they can end."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.query.context import RequestContext
from services.query.ui.entrance import session_of
from services.query.ui.forms import read_own_form
from services.query.ui.paths import ACCOUNT
from services.query.ui.rendering import page
from services.query.ui.signing_in import end_earlier, signed_out
from shared.domain.access.actions import Action
from shared.domain.access.audit import Change
from shared.web.access.browser_sessions import BrowserSessions
from shared.web.access.caller import Caller, declares

router = APIRouter(include_in_schema=False)

Somebody = Annotated[Caller, declares(Action.IDENTIFY)]


@router.get(ACCOUNT)
async def show_account(request: Request, caller: Somebody) -> Response:
    """Answer who somebody is, what they may, and where they are signed in."""
    caller.require_credential()
    sessions: BrowserSessions = request.state.browser_sessions
    session = session_of(request.scope)
    values = {
        "who": caller.principal,
        "grants": [str(each) for each in caller.principal.grants],
        "sessions": await sessions.of(caller.principal),
        "this": session.digest if session is not None else "",
    }
    return page("account.html", values, request=request, caller=caller)


@router.post(f"{ACCOUNT}/sign-out")
async def sign_out_everywhere(
    request: Request, caller: Somebody, context: RequestContext
) -> Response:
    """End all sessions of whose this one is; other processes know within seconds."""
    await read_own_form(request)
    sessions: BrowserSessions = request.state.browser_sessions
    async with caller.audited(Change.SIGN_OUT):
        await sessions.end_all(caller.principal)
        await end_earlier(request)
    return signed_out(context.settings)
