"""What lies in storage, on a page: the last comparison, namespaces, strays, and what was purged."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response

from registry.schemas.operations import UsagePage
from services.query.context import Context, RequestContext
from services.query.operations.operations import last_comparison, purges, strays
from services.query.operations.routes import EVERYTHING
from services.query.operations.usage import usage_by_namespace
from services.query.search.projection.reading import SearchTooCostly
from services.query.ui.operators.sections import STORAGE
from services.query.ui.rendering import page
from shared.domain.access.actions import Action
from shared.domain.errors import TooManyRequests, Unavailable
from shared.web.access.caller import Caller, declares
from shared.web.cursors import KeyCursor

router = APIRouter(include_in_schema=False)

NAMESPACES_SHOWN = 50
STRAYS_SHOWN = 50
PURGES_SHOWN = 20
COUNTS = (
    *(("objects", "Objects"), ("records", "Versions"), ("indexed", "Indexed late")),
    *(("found", "Folders found"), ("expired", "Uploads over"), ("missing", "Gone missing")),
    *(("restored", "There again"), ("strays", "Strays"), ("quarantined", "Strays hidden")),
    ("aborted_uploads", "Uploads aborted"),
)


@router.get(STORAGE)
async def show_storage(
    request: Request,
    caller: Annotated[Caller, declares(Action.READ_OPERATIONS)],
    context: RequestContext,
    cursor: KeyCursor = None,
) -> Response:
    """Answer what was compared and repaired, what namespaces have, and what belongs to no model."""
    caller.require_pattern(EVERYTHING)
    compared, listed, purged, (used, trouble) = await asyncio.gather(
        last_comparison(context),
        strays(cursor, STRAYS_SHOWN, context),
        purges(None, PURGES_SHOWN, context),
        _usage(context),
    )
    values = {
        "compared": compared,
        "counts": COUNTS,
        "strays": listed,
        "purges": purged,
        "usage": used,
        "trouble": trouble,
    }
    return page("operators/storage.html", values, request=request, caller=caller)


async def _usage(context: Context) -> tuple[UsagePage, str]:
    """Return what namespaces have, or why that is not told now: the page has more to tell."""
    try:
        return await usage_by_namespace(NAMESPACES_SHOWN, context), ""
    except (SearchTooCostly, TooManyRequests, Unavailable) as error:
        return UsagePage(items=[]), error.detail
