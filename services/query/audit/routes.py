"""The audit over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query

from registry.schemas.access import AuditPage
from services.query.audit import entries
from services.query.context import RequestContext
from shared.database.audit import AuditFilter
from shared.domain.access.actions import Action
from shared.domain.access.audit import MAX_CHARACTERS
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Cursor, Limit
from shared.web.moments import Moment
from shared.web.problems import PROBLEMS

router = APIRouter(prefix="/v1/audit", tags=["audit"], responses=PROBLEMS)

Text = Annotated[str | None, Query(max_length=MAX_CHARACTERS)]


@router.get("", summary="List changes and refusals, the newest first")
async def read_audit(  # one parameter for each filter
    caller: Annotated[Caller, declares(Action.READ_AUDIT)],
    context: RequestContext,
    principal: Text = None,
    action: Text = None,
    model: Text = None,
    subject: Text = None,
    outcome: Text = None,
    since: Moment = None,
    until: Moment = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> AuditPage:
    """Answer a page of what the caller administers; `since` is part of the time, `until` is not."""
    wanted = AuditFilter(principal, action, model, subject, outcome, since, until)
    return await entries.read_audit(wanted, cursor, limit, caller, context)
