"""Tokens on pages: listed, made, and revoked. The API of tokens is ingest's, and decides."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from registry.schemas.access import MAX_TOKEN_SECONDS, NewToken, TokenPage
from services.query.context import Context, RequestContext
from services.query.ui.calls import Call, new_once, once_of
from services.query.ui.operators.handing import (
    ask_ingest,
    ask_once,
    lines_of,
    read_plain_form,
)
from services.query.ui.operators.sections import TOKENS
from services.query.ui.paths import segment
from services.query.ui.rendering import page
from shared.domain.access.actions import Action
from shared.domain.errors import InvalidRequest
from shared.domain.records import utc_now
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Cursor

router = APIRouter(include_in_schema=False)

Manager = Annotated[Caller, declares(Action.MANAGE_TOKENS)]
API = "/v1/tokens"
SHOWN = 50
SENT_BEFORE = (
    "this form was sent before, so nothing was made now. If its token is in the list below and you "
    "do not have its secret, revoke it; to make another one, send the form as it stands here"
)
_DAY = 24 * 3600


@router.get(TOKENS)
async def show_tokens(
    request: Request,
    caller: Manager,
    context: RequestContext,
    cursor: Cursor = None,
    done: Literal["", "revoked"] = "",
) -> Response:
    """Answer the tokens that the caller may revoke, and the form that makes one."""
    caller.require_somewhere()
    return await _page(request, caller, context, cursor, done=done)


@router.post(TOKENS)
async def make_token(request: Request, caller: Manager, context: RequestContext) -> Response:
    """Make a token, and show its secret this once."""
    form = await read_plain_form(request)
    try:
        once_of(form)
        body: dict[str, Any] = {
            "name": form.get("name", ""),
            "grants": lines_of(form.get("grants", "")),
        }
        if form.get("days"):
            body["expires_in_seconds"] = _seconds(form["days"])
    except InvalidRequest as error:
        return await _page(request, caller, context, form=form, wrong=error.detail)
    answered = await ask_once(request, context, Call("POST", API, body), form["once"])
    if answered is None:
        status = HTTPStatus.CONFLICT
        return await _page(request, caller, context, form=form, wrong=SENT_BEFORE, status=status)
    if answered.is_done:
        values = {"token": answered.read(NewToken)}
        return page("operators/token.html", values, request=request, caller=caller)
    if answered.wrong:
        status = answered.response.status_code
        return await _page(request, caller, context, form=form, wrong=answered.wrong, status=status)
    return answered.response


@router.post(TOKENS + "/{token_id}/revoke")
async def revoke_token(
    token_id: str, request: Request, caller: Manager, context: RequestContext
) -> Response:
    """Let a token count no more."""
    await read_plain_form(request)
    answered = await ask_ingest(request, context, Call("DELETE", f"{API}/{segment(token_id)}"))
    if not answered.is_done:
        return answered.response
    return RedirectResponse(f"{TOKENS}?done=revoked", HTTPStatus.SEE_OTHER)


async def _page(
    request: Request,
    caller: Caller,
    context: Context,
    cursor: str | None = None,
    *,
    form: Mapping[str, str] | None = None,
    wrong: str = "",
    done: str = "",
    status: int | None = None,
) -> Response:
    asked = {"limit": str(SHOWN)} | ({"cursor": cursor} if cursor else {})
    answered = await ask_ingest(request, context, Call("GET", f"{API}?{urlencode(asked)}"))
    if not answered.is_done:
        return answered.response
    values = {
        "tokens": answered.read(TokenPage),
        "now": utc_now(),
        "once": new_once(),
        "form": {"name": "", "grants": "", "days": "", **(form or {})},
        "wrong": wrong,
        "done": done,
    }
    shown = status or (HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK)
    return page("operators/tokens.html", values, request=request, caller=caller, status=shown)


def _seconds(days: str) -> int:
    most = MAX_TOKEN_SECONDS // _DAY
    is_one = days.isascii() and days.isdigit() and len(days) <= len(str(most))
    if not is_one or not 1 <= int(days) <= most:
        raise InvalidRequest("days", f"must be a whole number from 1 to {most}")
    return int(days) * _DAY
