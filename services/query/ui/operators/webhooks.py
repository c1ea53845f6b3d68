"""Webhooks on pages: subscriptions, what was delivered to each, and what is done with them."""

from collections.abc import Mapping
from datetime import UTC
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AwareDatetime

from registry.schemas.webhooks import DeliveryState, NewWebhook, Replay, RotatedSecret
from services.query.context import Context, RequestContext
from services.query.ui.calls import Call, new_once, once_of
from services.query.ui.operators.handing import (
    Answered,
    ask_ingest,
    ask_once,
    lines_of,
    read_plain_form,
)
from services.query.ui.operators.sections import WEBHOOKS
from services.query.ui.paths import segment
from services.query.ui.rendering import page
from services.query.webhooks import webhooks
from shared.domain.access.actions import Action
from shared.domain.errors import InvalidRequest
from shared.domain.moments import possible
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Cursor

router = APIRouter(include_in_schema=False)

Manager = Annotated[Caller, declares(Action.MANAGE_WEBHOOKS)]
WebhookId = Annotated[str, Path(max_length=64)]
Act = Literal["pause", "resume", "test", "rotate", "replay", "remove"]
Done = Literal["", "pause", "resume", "test", "replay", "remove"]
API = "/v1/webhooks"
WEBHOOK = WEBHOOKS + "/{webhook_id}"
SHOWN = 50
DELIVERIES_SHOWN = 30
SENT_BEFORE = (
    "this form was sent before, so no other secret was made now. If you do not have the one that "
    "was, make a new one here: the secret before that one then signs no more"
)
_FORM = ("url", "models", "types", "aliases", "owner", "description")
_RANGE = ("event_id", "model", "since", "until")
NOTHING: Mapping[str, str] = {}


@router.get(WEBHOOKS)
async def show_webhooks(
    request: Request,
    caller: Manager,
    context: RequestContext,
    cursor: Cursor = None,
    done: Done = "",
) -> Response:
    """Answer the subscriptions that the caller manages, and the form that makes one."""
    caller.require_somewhere()
    return await _list(request, caller, context, {}, cursor=cursor, done=done)


@router.post(WEBHOOKS)
async def make_webhook(request: Request, caller: Manager, context: RequestContext) -> Response:
    """Subscribe an address, and show the secret this once."""
    form = await read_plain_form(request)
    try:
        once = once_of(form)
    except InvalidRequest as error:
        status = HTTPStatus(error.status)
        return await _list(request, caller, context, form, wrong=error.detail, status=status)
    body: dict[str, Any] = {"url": form.get("url", ""), "description": form.get("description", "")}
    for name in ("models", "types", "aliases"):
        if values := lines_of(form.get(name, "")):
            body[name] = values
    if form.get("owner"):
        body["owner"] = form["owner"]
    answered = await ask_ingest(request, context, Call("POST", API, body, once))
    if answered.is_done:
        made = answered.read(NewWebhook)
        return _secret(made.id, made.secret, request, caller)
    if answered.wrong:
        status = answered.response.status_code
        return await _list(request, caller, context, form, wrong=answered.wrong, status=status)
    return answered.response


@router.get(WEBHOOK)
async def show_webhook(
    webhook_id: WebhookId,
    request: Request,
    caller: Manager,
    context: RequestContext,
    state: DeliveryState | Literal[""] = "",
    model: Annotated[str, Query(max_length=300)] = "",
    cursor: Cursor = None,
    done: Done = "",
    count: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    rest_from: AwareDatetime | None = None,
) -> Response:
    """Answer a subscription, and what was delivered to it."""
    values: dict[str, Any] = {"state": state, "model": model, "done": done, "count": count}
    if rest_from is not None:
        begin = possible(rest_from).astimezone(UTC)
        values |= {"rest_from": begin, "form": {"since": begin.strftime("%Y-%m-%dT%H:%M:%S")}}
    return await _show(webhook_id, values, request, caller, context, cursor=cursor)


@router.post(WEBHOOK + "/{act}")
async def act_on_webhook(
    webhook_id: WebhookId, act: Act, request: Request, caller: Manager, context: RequestContext
) -> Response:
    """Do something with a subscription."""
    form = await read_plain_form(request)
    if act == "rotate":
        return await _rotate(webhook_id, form, request, caller, context)
    at_ingest, here = f"{API}/{segment(webhook_id)}", f"{WEBHOOKS}/{segment(webhook_id)}"
    if act == "remove":
        answered = await ask_ingest(request, context, Call("DELETE", at_ingest))
        here = WEBHOOKS
    else:
        body = _range(form) if act == "replay" else None
        answered = await ask_ingest(request, context, Call("POST", f"{at_ingest}/{act}", body))
    if answered.is_done:
        more = _told_of(answered.read(Replay)) if act == "replay" else ""
        return RedirectResponse(f"{here}?done={act}{more}", HTTPStatus.SEE_OTHER)
    return await _refused(webhook_id, answered, request, caller, context, form)


async def _rotate(
    webhook_id: str, form: dict[str, str], request: Request, caller: Caller, context: Context
) -> Response:
    """Make a new secret, and show it this once.

    Sent twice, the form would make two: with the second one the secret that receivers have signs
    no more.
    """
    try:
        once_of(form)
    except InvalidRequest as error:
        return await _show_wrong(webhook_id, error.detail, error.status, request, caller, context)
    call = Call("POST", f"{API}/{segment(webhook_id)}/rotate", {})
    answered = await ask_once(request, context, call, form["once"])
    if answered is None:
        status = HTTPStatus.CONFLICT
        return await _show_wrong(webhook_id, SENT_BEFORE, status, request, caller, context)
    if answered.is_done:
        return _secret(webhook_id, answered.read(RotatedSecret).secret, request, caller)
    return await _refused(webhook_id, answered, request, caller, context)


async def _list(
    request: Request,
    caller: Caller,
    context: Context,
    form: dict[str, str],
    *,
    cursor: str | None = None,
    wrong: str = "",
    done: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    values = {
        "webhooks": await webhooks.list_webhooks(cursor, SHOWN, caller, context),
        "form": {**dict.fromkeys(_FORM, ""), **form},
        "wrong": wrong,
        "done": done,
        "once": new_once(),
    }
    return page("operators/webhooks.html", values, request=request, caller=caller, status=status)


async def _show(
    webhook_id: str,
    values: dict[str, Any],
    request: Request,
    caller: Caller,
    context: Context,
    *,
    cursor: str | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    found = await webhooks.find_webhook(webhook_id, caller, context)
    state, model = values["state"] or None, values["model"] or None
    listed = await webhooks.list_deliveries(
        webhook_id, state, model, cursor, DELIVERIES_SHOWN, caller, context
    )
    shown: dict[str, Any] = {"webhook": found, "deliveries": listed, "once": new_once()}
    shown |= {"done": "", "count": 0, "rest_from": None, "wrong": "", **values}
    shown["form"] = {**dict.fromkeys((*_RANGE, "failed_only"), ""), **values.get("form", {})}
    return page("operators/webhook.html", shown, request=request, caller=caller, status=status)


async def _refused(
    webhook_id: str,
    answered: Answered,
    request: Request,
    caller: Caller,
    context: Context,
    form: Mapping[str, str] = NOTHING,
) -> Response:
    """Answer what ingest refused, beside the forms where it is about them."""
    if not answered.wrong:
        return answered.response
    status = answered.response.status_code
    return await _show_wrong(webhook_id, answered.wrong, status, request, caller, context, form)


async def _show_wrong(
    webhook_id: str,
    wrong: str,
    status: int,
    request: Request,
    caller: Caller,
    context: Context,
    form: Mapping[str, str] = NOTHING,
) -> Response:
    values = {"state": "", "model": "", "wrong": wrong, "form": form}
    return await _show(webhook_id, values, request, caller, context, status=status)


def _secret(webhook: str, secret: str, request: Request, caller: Caller) -> Response:
    values = {"webhook": webhook, "secret": secret}
    return page("operators/webhook_secret.html", values, request=request, caller=caller)


def _told_of(replay: Replay) -> str:
    """Return what the page is to tell of a replay, as a part of its query."""
    told = {"count": str(replay.count)}
    if replay.rest_from is not None:
        told["rest_from"] = replay.rest_from.isoformat()
    return f"&{urlencode(told)}"


def _range(form: dict[str, str]) -> dict[str, Any]:
    """Return what is to be delivered again, as the API is asked for it; moments are in UTC."""
    asked: dict[str, Any] = {name: form[name] for name in _RANGE if form.get(name)}
    for name in ("since", "until"):
        if name in asked and not asked[name].endswith("Z"):
            asked[name] += "Z"
    if form.get("failed_only"):
        asked["failed_only"] = True
    return asked
