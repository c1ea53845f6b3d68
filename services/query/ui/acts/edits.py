"""Pages on which what is said of a model or of a version is edited; a lost race is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from registry.schemas import Edit, Model, Version
from registry.schemas.edits import MERGE_PATCH_JSON
from services.query.context import Context, RequestContext
from services.query.edits.edits import list_model_edits, list_version_edits
from services.query.ui.acts.asking import (
    REVISION,
    Refusal,
    asked,
    condition_of,
    next_once,
    path_of,
    reason_query,
)
from services.query.ui.acts.edit_forms import (
    MODEL_FIELDS,
    MOST_FIELDS,
    VERSION_FIELDS,
    EditForm,
    form_of,
    form_over,
    form_sent,
    patch_of,
)
from services.query.ui.calls import Call, once_of
from services.query.ui.forms import read_own_form
from services.query.ui.paths import MODEL, VERSION, segment
from services.query.ui.rendering import page
from services.query.versions.lookups import find_model, find_version
from shared.domain.access.actions import Action
from shared.domain.errors import InvalidRequest
from shared.web.access.caller import Caller, declares
from shared.web.limits import MAX_BODY_BYTES

router = APIRouter(include_in_schema=False)

Editor = Annotated[Caller, declares(Action.EDIT)]
EDITS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Edited:
    """What is edited: a model, or a version of one."""

    said: Model | Version
    fields: Sequence[str]
    api_path: str
    address: str

    @classmethod
    def of(cls, said: Model | Version) -> "Edited":
        """Return a model or a version as what is edited."""
        if isinstance(said, Model):
            return cls(said, MODEL_FIELDS, path_of(said.name), f"/ui/models/{segment(said.name)}")
        address = f"/ui/models/{segment(said.model)}/versions/{said.number}"
        return cls(said, VERSION_FIELDS, path_of(said.model, "versions", said.number), address)

    @property
    def model(self) -> str:
        """The model's name."""
        return self.said.name if isinstance(self.said, Model) else self.said.model

    def form(self) -> EditForm:
        """Return the form with what is said now."""
        return form_of(self.said.model_dump(mode="json"), self.fields)


@router.get(MODEL + "/edit")
async def show_model(
    model: str, request: Request, caller: Editor, context: RequestContext
) -> Response:
    """Answer the form that edits what is said of a model."""
    edited = Edited.of(await find_model(model, context))
    return _page(edited, edited.form(), request, caller)


@router.post(MODEL + "/edit")
async def edit_model(
    model: str, request: Request, caller: Editor, context: RequestContext
) -> Response:
    """Edit what is said of a model, or show why not."""
    form = await _read(request)
    edited = Edited.of(await find_model(model, context))
    return await _edit(edited, form, request, caller, context)


@router.get(VERSION + "/edit")
async def show_version(
    model: str, version: str, request: Request, caller: Editor, context: RequestContext
) -> Response:
    """Answer the form that edits what is said of a version."""
    edited = Edited.of(await find_version(model, version, context))
    return _page(edited, edited.form(), request, caller)


@router.post(VERSION + "/edit")
async def edit_version(
    model: str, version: str, request: Request, caller: Editor, context: RequestContext
) -> Response:
    """Edit what is said of a version, or show why not."""
    form = await _read(request)
    edited = Edited.of(await find_version(model, version, context))
    return await _edit(edited, form, request, caller, context)


async def _read(request: Request) -> dict[str, str]:
    return await read_own_form(request, most_fields=MOST_FIELDS, most_bytes=MAX_BODY_BYTES)


async def _edit(
    edited: Edited, form: Mapping[str, str], request: Request, caller: Caller, context: Context
) -> Response:
    sent = form_sent(form, edited.fields)
    try:
        patch = patch_of(sent)
    except InvalidRequest as error:
        told = Refusal.of(error)
        return _page(edited, sent, request, caller, refusal=told, entered=form)
    if not patch:
        return RedirectResponse(edited.address, HTTPStatus.SEE_OTHER)

    def wanted() -> Call:
        path = f"{edited.api_path}{reason_query(form)}"
        headers = {**condition_of(form), **once_of(form), "content-type": MERGE_PATCH_JSON}
        return Call("PATCH", path, patch, headers)

    refusal = await asked(request, context, wanted)
    if refusal is None:
        return RedirectResponse(edited.address, HTTPStatus.SEE_OTHER)
    if not refusal.is_lost_race:
        return _page(edited, sent, request, caller, refusal=refusal, entered=form)
    # Read anew: what was found before may be from before the race.
    now = Edited.of(await _read_again(edited.said, context))
    over = form_over(now.said.model_dump(mode="json"), patch, now.fields)
    others = await _edits_since(now.said, form.get(REVISION, ""), context)
    reason = form.get("reason", "")
    return _page(now, over, request, caller, refusal=refusal, others=others, reason=reason)


async def _read_again(said: Model | Version, context: Context) -> Model | Version:
    if isinstance(said, Model):
        return await find_model(said.name, context)
    return await find_version(said.model, str(said.number), context)


async def _edits_since(said: Model | Version, revision: str, context: Context) -> Sequence[Edit]:
    if isinstance(said, Model):
        found = await list_model_edits(said.name, None, EDITS_SHOWN, context)
    else:
        number = str(said.number)
        found = await list_version_edits(said.model, number, None, None, EDITS_SHOWN, context)
    return [each for each in found.items if each.revision > int(revision)]


def _page(
    edited: Edited,
    form: EditForm,
    request: Request,
    caller: Caller,
    *,
    refusal: Refusal | None = None,
    others: Sequence[Edit] = (),
    entered: Mapping[str, str] | None = None,
    reason: str = "",
) -> Response:
    """Return the form; one that is not right stays the form of the revision that it was made of."""
    caller.doing(Action.READ).require(edited.model)
    values: dict[str, Any] = {
        "edited": edited,
        "form": form,
        "refusal": refusal,
        "others": others,
        "reason": entered.get("reason", "") if entered is not None else reason,
        REVISION: entered.get(REVISION, "") if entered is not None else edited.said.revision,
        "once": next_once(refusal, entered or {}),
    }
    status = refusal.status if refusal is not None else HTTPStatus.OK
    return page("acts/edit.html", values, request=request, caller=caller, status=status)
