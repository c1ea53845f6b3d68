"""Lineage over HTTP: the route parses, calls one use case, and answers."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from registry.schemas.lineage import MAX_DEPTH, MAX_NODES, Direction, Lineage, LineageFormat
from services.query.context import RequestContext
from services.query.lineage.formats import MEDIA_TYPES, written
from services.query.lineage.graphs import read_graph
from services.query.versions.lookups import find_version
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares
from shared.web.moments import Moment
from shared.web.problems import PROBLEMS

router = APIRouter(prefix="/v1/models/{model}/versions", tags=["models"], responses=PROBLEMS)

Reader = Annotated[Caller, declares(Action.READ)]
Way = Annotated[
    Direction,
    Query(description="up: what it was made from; down: what was made from it"),
]
Depth = Annotated[int, Query(ge=1, le=MAX_DEPTH, description="Generations")]
Nodes = Annotated[int, Query(ge=1, le=MAX_NODES, description="Nodes of the graph")]
Format = Annotated[
    LineageFormat,
    Query(
        description="How the graph is written",
        openapi_examples={
            "json": {"summary": "Nodes and edges", "value": "json"},
            "mermaid": {"summary": "A flowchart for Markdown", "value": "mermaid"},
            "dot": {"summary": "A digraph for Graphviz", "value": "dot"},
            "openlineage": {"summary": "A list of OpenLineage run events", "value": "openlineage"},
        },
    ),
]


@router.get(
    "/{version}/lineage",
    summary="Get what a version was made from, and what was made from it",
    response_model=Lineage,
    responses={200: {"content": {"text/plain": {}, "text/vnd.graphviz": {}}}},
)
async def get_lineage(
    model: str,
    version: str,
    caller: Reader,
    context: RequestContext,
    direction: Way = "up",
    depth: Depth = 5,
    limit: Nodes = 200,
    format: Format = "json",
    at: Moment = None,
) -> Response:
    """Answer the graph around a version; of what the caller may not read, a placeholder."""
    found = await find_version(model, version, context, at=at)
    async with context.graphs.turn():
        read = await read_graph(found, direction, depth, limit, caller.names, context)
        # In a thread: the largest graphs take long enough to keep other requests waiting.
        body = await asyncio.to_thread(written, read, format, context.settings)
    return Response(body, media_type=MEDIA_TYPES[format])
