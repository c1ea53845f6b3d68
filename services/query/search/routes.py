"""Search over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.openapi.models import Example
from fastapi.responses import JSONResponse, Response

from registry.schemas import ModelSearchPage, VersionSearchPage
from services.query.context import RequestContext
from services.query.search import pages
from services.query.search.health import health_of
from services.query.search.language.fields import Kind
from services.query.search.statements.places import MAX_CURSOR_CHARACTERS
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Limit
from shared.web.problems import PROBLEMS

router = APIRouter(tags=["search"])

_EXAMPLES: dict[str, Example] = {
    "metric and alias": {"value": "metrics.auc > 0.9 AND alias = production"},
    "several": {"value": "name LIKE 'fraud%' AND (tags.team IN (risk, core) OR size < 1000000)"},
    "missing": {"value": "framework = pytorch AND params.lr IS NULL"},
    "words": {"value": "text HAS 'fraud detection' AND created_at >= 2026-11-01"},
}
Filter = Annotated[str, Query(description="See docs/search.md", openapi_examples=_EXAMPLES)]
OrderBy = Annotated[
    list[str] | None,
    Query(
        description="A field, and `asc` or `desc`; repeated for further keys",
        openapi_examples={"best first": {"value": ["metrics.auc desc", "name"]}},
    ),
]
SearchCursor = Annotated[
    str | None,
    Query(max_length=MAX_CURSOR_CHARACTERS, description="`next_cursor` of a page"),
]
Seen = Annotated[
    list[str] | None,
    Query(
        description="MODEL:SEQUENCE of an event that the answer is to have; may be repeated",
        openapi_examples={"one": {"value": ["churn:17"]}},
    ),
]


@router.get(
    "/v1/search",
    summary="Search versions or models",
    response_model=VersionSearchPage | ModelSearchPage,
    responses=PROBLEMS,
)
async def search(
    caller: Annotated[Caller, declares(Action.READ)],
    context: RequestContext,
    filter: Filter = "",
    order_by: OrderBy = None,
    kind: Kind = "versions",
    limit: Limit = 50,
    cursor: SearchCursor = None,
    count: bool = False,
    min_sequence: Seen = None,
) -> Response:
    """Answer a page of the versions or models that the caller may read and that match."""
    asked = pages.Asked(kind, filter, order_by or (), limit, cursor, count, seen=min_sequence or ())
    page = await pages.search(asked, caller.names, context)
    return Response(page, media_type="application/json")


@router.get(
    "/health/search",
    dependencies=[declares(Action.PUBLIC)],
    summary="Search can answer now, and how far behind the records it is",
)
async def health(context: RequestContext) -> Response:
    """Answer 200 or 503, with what search waits for and its figures."""
    figures = await health_of(context.search)
    return JSONResponse(figures, 503 if figures["waits_for"] else 200)
