"""Pages on which a version is archived, deleted or restored, which say first what that means."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from registry.schemas import Version
from services.query.context import Context, RequestContext
from services.query.ui.acts.asking import (
    Refusal,
    asked,
    changed_meanwhile,
    path_of,
    reason_query,
)
from services.query.ui.calls import Call
from services.query.ui.forms import read_own_form
from services.query.ui.paths import segment
from services.query.ui.rendering import page
from services.query.versions.lookups import find_model, find_version
from shared.database.lineage import children_of
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares

router = APIRouter(include_in_schema=False)

CHILDREN_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Life:
    """What becomes of a version, and how the page calls it."""

    name: str
    action: Action
    button: str
    is_done: Callable[[Version], bool]
    """Whether the version is as it is to become."""
    has_reason: bool = False


DELETE = Life(
    "delete", Action.DELETE, "Delete", lambda version: version.deletion is not None, has_reason=True
)
LIVES = (
    Life("archive", Action.ARCHIVE, "Archive", lambda version: version.archived_at is not None),
    Life(
        "unarchive",
        Action.ARCHIVE,
        "Take out of the archive",
        lambda version: version.archived_at is None,
    ),
    DELETE,
    Life("restore", Action.DELETE, "Restore", lambda version: version.deletion is None),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A page that is asked for: of which version, by whom."""

    model: str
    version: str
    request: Request
    caller: Caller
    context: Context


def _add_pages(life: Life) -> None:
    """Add the page that says what it means, and what its form does."""
    path = f"/ui/models/{{model}}/versions/{{version}}/{life.name}"
    declared = declares(life.action)

    @router.get(path)
    async def show(
        model: str,
        version: str,
        request: Request,
        caller: Annotated[Caller, declared],
        context: RequestContext,
    ) -> Response:
        return await _show(life, Asked(model, version, request, caller, context))

    @router.post(path)
    async def act(
        model: str,
        version: str,
        request: Request,
        caller: Annotated[Caller, declared],
        context: RequestContext,
    ) -> Response:
        return await _do(life, Asked(model, version, request, caller, context))


async def _do(life: Life, asked_for: Asked) -> Response:
    form = await read_own_form(asked_for.request)
    found = await find_version(asked_for.model, asked_for.version, asked_for.context)
    # By its number: what is sent again must not be done to the next one of that name.
    place = path_of(found.model, "versions", found.number)

    def wanted() -> Call:
        if life is DELETE:
            return Call("DELETE", f"{place}{reason_query(form)}")
        return Call("POST", f"{place}/{life.name}")

    refusal = None
    # Of a form that is old. What happens while ingest is asked is told by its answer alone.
    if form.get("sequence") == str(found.sequence):
        refusal = await asked(asked_for.request, asked_for.context, wanted)
    elif not life.is_done(found):  # else it was sent before, or somebody did the same
        refusal = changed_meanwhile()
    if refusal is None:
        target = f"/ui/models/{segment(found.model)}/versions/{found.number}"
        return RedirectResponse(target, HTTPStatus.SEE_OTHER)
    return await _show(life, asked_for, refusal, form.get("reason", ""))


async def _show(
    life: Life, asked_for: Asked, refusal: Refusal | None = None, reason: str = ""
) -> Response:
    caller, context = asked_for.caller, asked_for.context
    caller.doing(Action.READ).require(asked_for.model)
    version = await find_version(asked_for.model, asked_for.version, context)
    values: dict[str, Any] = {
        "life": life,
        "version": version,
        "refusal": refusal,
        "reason": reason,
        **(await _taken_along(version, caller, context) if life is DELETE else {}),
    }
    status = refusal.status if refusal is not None else HTTPStatus.OK
    return page("acts/life.html", values, request=asked_for.request, caller=caller, status=status)


async def _taken_along(version: Version, caller: Caller, context: Context) -> dict[str, Any]:
    """Return what a deletion takes along, and what it leaves behind."""
    children, is_cut = await children_of(context.database, [version.id], limit=CHILDREN_SHOWN)
    readable = caller.doing(Action.READ).names
    told = [each for each in children if readable.has(each.model)]
    model = await find_model(version.model, context)
    retention = timedelta(seconds=context.settings.deletion_retention_seconds)
    return {
        "children": told,
        "more_children": is_cut or len(told) < len(children),
        "is_latest": model.latest_number == version.number,
        "restorable_until": await context.database.now() + retention,
    }


for _life in LIVES:
    _add_pages(_life)
