"""The audit on a page, and the way to all of these pages."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.query.audit.entries import read_audit
from services.query.context import RequestContext
from services.query.ui.operators.sections import ADMIN, AUDIT, sections_of
from services.query.ui.rendering import page
from shared.database.audit import AuditFilter
from shared.domain.access.actions import Action
from shared.domain.access.audit import MAX_CHARACTERS, Change
from shared.domain.errors import InvalidRequest
from shared.domain.moments import possible
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Cursor

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Query(max_length=MAX_CHARACTERS)]
MomentText = Annotated[str, Query(max_length=40)]
SHOWN = 100
ACTIONS = sorted({*(str(each) for each in Change), *(str(each) for each in Action)})


@router.get(ADMIN)
async def show_sections(
    request: Request, caller: Annotated[Caller, declares(Action.IDENTIFY)]
) -> Response:
    """Answer the pages for operators that the caller has."""
    caller.require_credential()
    values = {"sections": sections_of(caller.principal)}
    return page("operators/sections.html", values, request=request, caller=caller)


@router.get(AUDIT)
async def show_audit(  # one parameter for each filter
    request: Request,
    caller: Annotated[Caller, declares(Action.READ_AUDIT)],
    context: RequestContext,
    principal: Text = "",
    action: Text = "",
    model: Text = "",
    subject: Text = "",
    outcome: Text = "",
    since: MomentText = "",
    until: MomentText = "",
    cursor: Cursor = None,
) -> Response:
    """Answer entries of what the caller administers, the newest first."""
    form = {"principal": principal, "action": action, "model": model, "subject": subject}
    form |= {"outcome": outcome, "since": since, "until": until}
    wanted = AuditFilter(
        *(principal or None, action or None, model or None, subject or None, outcome or None),
        *(_moment("since", since), _moment("until", until)),
    )
    entries = await read_audit(wanted, cursor, SHOWN, caller, context)
    asked = {name: value for name, value in form.items() if value}
    more = urlencode({**asked, "cursor": entries.next_cursor}) if entries.next_cursor else ""
    values = {"entries": entries.items, "form": form, "more": more, "actions": ACTIONS}
    return page("operators/audit.html", values, request=request, caller=caller)


def _moment(name: str, text: str) -> datetime | None:
    """Return the moment that a field names, in UTC unless it says otherwise."""
    if not text:
        return None
    try:
        told = datetime.fromisoformat(text)
        return possible(told if told.tzinfo is not None else told.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(name, "must be a moment such as 2026-11-29T10:00") from error
