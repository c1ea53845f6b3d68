"""Forms that move, propose and remove an alias; a race that is lost is shown, and nothing done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from registry.schemas.aliases import check_alias
from services.query.context import Context, RequestContext
from services.query.ui.acts.asking import (
    NOT_THERE,
    REVISION,
    Refusal,
    asked,
    condition_of,
    next_once,
    path_of,
    reason_of,
    reason_query,
    version_of,
)
from services.query.ui.calls import Call, once_of
from services.query.ui.forms import read_own_form
from services.query.ui.paths import MODEL, segment
from services.query.ui.rendering import page
from services.query.versions.lookups import find_model
from shared.database.aliases import find_alias
from shared.database.rules import read_effective
from shared.domain.access.actions import Action
from shared.domain.aliases import require_pointing
from shared.domain.errors import InvalidRequest, checked
from shared.domain.rules import APPROVED_BY_ANOTHER, protection_of
from shared.web.access.caller import Caller, declares

router = APIRouter(include_in_schema=False)

Mover = Annotated[Caller, declares(Action.MOVE_ALIAS)]
Version = Annotated[str, Query(max_length=256)]
ALIAS = MODEL + "/aliases/{alias}"
_MOVE, _PROPOSE = "move", "propose"
_PROTECTED = ("approval_needed", "alias_protected")


@dataclass(frozen=True, slots=True)
class Form:
    """A form about an alias as it is filled in, and what became of it."""

    alias: str
    version: str = ""
    reason: str = ""
    refusal: Refusal | None = None
    is_new: bool = False
    """Whether the name is typed."""
    sent_as: Mapping[str, str] = field(default_factory=dict[str, str])
    """Its fields as they were sent."""

    @property
    def is_to_be_sent_again(self) -> bool:
        """Whether it stays the form that was sent, with what that believed to be there."""
        return self.refusal is not None and self.refusal.is_to_be_sent_again

    @classmethod
    def sent(
        cls, alias: str, form: Mapping[str, str], refusal: Refusal, *, is_new: bool = False
    ) -> "Form":
        """Return a form as it was sent, which was refused."""
        return cls(alias, form.get("version", ""), form.get("reason", ""), refusal, is_new, form)


@router.get(MODEL + "/set-alias")
async def show_new(
    model: str, request: Request, caller: Mover, context: RequestContext, version: Version = ""
) -> Response:
    """Answer the form that makes an alias."""
    await find_model(model, context)
    return await _move_page(model, Form("", version, is_new=True), request, caller, context)


@router.post(MODEL + "/set-alias")
async def set_new(model: str, request: Request, caller: Mover, context: RequestContext) -> Response:
    """Make an alias, or show why not: one that is there is shown, and stays as it is."""
    form = await read_own_form(request)
    alias = form.get("alias", "").strip()
    if (refusal := await _move(model, alias, form, request, context)) is None:
        return RedirectResponse(alias_address(model, alias), HTTPStatus.SEE_OTHER)
    sent = Form.sent(alias, form, refusal, is_new=True)
    return await _move_page(model, sent, request, caller, context)


@router.get(ALIAS + "/move")
async def show_move(
    model: str,
    alias: str,
    request: Request,
    caller: Mover,
    context: RequestContext,
    version: Version = "",
) -> Response:
    """Answer the form that moves an alias."""
    await find_model(model, context)
    return await _move_page(model, Form(alias, version), request, caller, context)


@router.post(ALIAS + "/move")
async def move(
    model: str, alias: str, request: Request, caller: Mover, context: RequestContext
) -> Response:
    """Move or propose to move an alias, or show why not."""
    form = await read_own_form(request)
    if (refusal := await _move(model, alias, form, request, context)) is None:
        return RedirectResponse(alias_address(model, alias), HTTPStatus.SEE_OTHER)
    return await _move_page(model, Form.sent(alias, form, refusal), request, caller, context)


@router.get(ALIAS + "/remove")
async def show_removal(
    model: str, alias: str, request: Request, caller: Mover, context: RequestContext
) -> Response:
    """Answer the form that removes an alias."""
    require_pointing(await find_alias(context.database, model, alias), model, alias)
    return await _removal_page(model, Form(alias), request, caller, context)


@router.post(ALIAS + "/remove")
async def remove(
    model: str, alias: str, request: Request, caller: Mover, context: RequestContext
) -> Response:
    """Remove or propose to remove an alias, or show why not."""
    form = await read_own_form(request)

    def wanted() -> Call:
        if _act_of(form) == _PROPOSE:
            return _proposal(model, alias, form, {"remove": True})
        headers = {**condition_of(form), **once_of(form)}
        asked_for = f"{path_of(model, 'aliases', alias)}{reason_query(form)}"
        return Call("DELETE", asked_for, headers=headers)

    refusal = await asked(request, context, wanted)
    if refusal is None:
        return RedirectResponse(alias_address(model, alias), HTTPStatus.SEE_OTHER)
    sent = Form.sent(alias, form, refusal)
    return await _removal_page(model, sent, request, caller, context)


async def _move(
    model: str, alias: str, form: Mapping[str, str], request: Request, context: Context
) -> Refusal | None:
    def wanted() -> Call:
        checked("alias", check_alias, alias)  # before it is a part of a path
        version = version_of(form)
        if _act_of(form) == _PROPOSE:
            return _proposal(model, alias, form, {"version": version})
        body = {"version": version, "reason": reason_of(form)}
        headers = {**condition_of(form), **once_of(form)}
        return Call("PUT", path_of(model, "aliases", alias), body, headers)

    return await asked(request, context, wanted)


def alias_address(model: str, alias: str) -> str:
    """Return the address of an alias's page."""
    return f"/ui/models/{segment(model)}/aliases/{segment(alias)}"


def _act_of(form: Mapping[str, str]) -> str:
    act = form.get("act", "")
    if act not in (_MOVE, _PROPOSE):
        raise InvalidRequest("act", "must be move or propose")
    return act


def _proposal(model: str, alias: str, form: Mapping[str, str], what: dict[str, Any]) -> Call:
    body, headers = {**what, "reason": reason_of(form)}, {**condition_of(form), **once_of(form)}
    return Call("POST", path_of(model, "aliases", alias, "proposals"), body, headers)


async def _move_page(
    model: str, form: Form, request: Request, caller: Caller, context: Context
) -> Response:
    return await _page("acts/move.html", model, form, request, caller, context)


async def _removal_page(
    model: str, form: Form, request: Request, caller: Caller, context: Context
) -> Response:
    return await _page("acts/remove.html", model, form, request, caller, context)


async def _page(
    template: str, model: str, form: Form, request: Request, caller: Caller, context: Context
) -> Response:
    """Return a form with the alias as it is now: what is sent next believes it to be so."""
    caller.doing(Action.READ).require(model)
    last = await find_alias(context.database, model, form.alias) if form.alias else None
    is_there = last is not None and last.to_number is not None
    applied = await read_effective(context.database, model)
    protection = protection_of(applied, form.alias) if form.alias else None
    refusal = form.refusal
    may_propose = protection is not None or (refusal is not None and refusal.code in _PROTECTED)
    revision = str(last.revision) if last is not None and is_there else NOT_THERE
    values = {
        "model": model,
        "form": form,
        "last": last,
        "is_there": is_there,
        "protection": protection,
        "may_move": protection is None or protection.approvals != APPROVED_BY_ANOTHER,
        "may_propose": may_propose,
        "refusal": refusal,
        REVISION: form.sent_as.get(REVISION, "") if form.is_to_be_sent_again else revision,
        "once": next_once(refusal, form.sent_as),
    }
    status = refusal.status if refusal is not None else HTTPStatus.OK
    return page(template, values, request=request, caller=caller, status=status)
