"""What keeps the overview up with what happens: its pieces, and a stream that says when.

A page follows the same stream as any other reader, of which the process has one consumer.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from services.query.context import RequestContext
from services.query.stream.reader import Follower
from services.query.ui import overview
from services.query.ui.line import line_of
from services.query.ui.rendering import page
from services.query.ui.routes import Reader
from shared.domain.access.actions import Action
from shared.domain.errors import Unavailable
from shared.domain.streams.position import MAX_CHARACTERS
from shared.domain.streams.wanted import Wanted
from shared.web.access.caller import Caller, declares

router = APIRouter(include_in_schema=False)

Seen = Annotated[list[Annotated[str, Query(max_length=256)]], Query(max_length=1)]


@router.get("/ui/overview/parts")
async def show_parts(request: Request, caller: Reader, context: RequestContext) -> Response:
    """Answer the health of the parts, as a piece of the overview."""
    values = {"parts": await overview.health(line_of(request), context)}
    return page("overview_parts.html", values, request=request, caller=caller)


@router.get("/ui/overview/newest")
async def show_newest(
    request: Request,
    caller: Reader,
    context: RequestContext,
    seen: Seen = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Answer the newest versions, as a piece of the overview, once search has the event `seen`."""
    newest, rejected = await asyncio.gather(
        overview.newest(caller.names, context, seen),
        overview.rejected(caller.names, context, seen),
    )
    if trouble := newest.trouble or rejected.trouble:
        # What is shown stays, until it can be told anew.
        raise Unavailable("not_listed", trouble)
    values = {"newest": newest, "rejected": rejected}
    return page("overview_newest.html", values, request=request, caller=caller)


@router.get("/ui/events")
async def follow_events(
    caller: Annotated[Caller, declares(Action.FOLLOW)],
    context: RequestContext,
    last_event_id: Annotated[str | None, Header(max_length=MAX_CHARACTERS)] = None,
) -> Response:
    """Stream the events that change the overview, of the models that the caller may follow."""
    caller.require_somewhere()
    wanted = Wanted.of([], overview.FOLLOWED, [])
    follower = Follower(wanted, caller.names, caller.principal, caller.ask_again)
    return await context.streams.open(follower, last_event_id, "now", follow=True)
