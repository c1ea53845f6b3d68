"""Comparisons over HTTP: the route parses, calls one use case, and answers."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from registry.schemas.comparison import MAX_COMPARED, MIN_COMPARED, Comparison
from services.query.compare.comparing import compare_versions
from services.query.context import RequestContext
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares
from shared.web.problems import PROBLEMS

MAX_ROWS = 1000

router = APIRouter(prefix="/v1/models/{model}", tags=["models"], responses=PROBLEMS)

Reader = Annotated[Caller, declares(Action.READ)]
VersionName = Annotated[str, Query(max_length=256)]
Names = Annotated[
    list[VersionName],
    Query(
        min_length=MIN_COMPARED,
        max_length=MAX_COMPARED,
        description='Number, label, @alias, @alias?at=TIME or "latest"; once for each version',
        openapi_examples={
            "numbers": {"summary": "Two by their numbers", "value": ["3", "4"]},
            "aliases": {
                "summary": "What an alias points at, what it pointed at, and the newest",
                "value": ["@production", "@production?at=2026-11-01T00:00:00Z", "latest"],
            },
        },
    ),
]
Rows = Annotated[int, Query(ge=1, le=MAX_ROWS, description="Rows of each list")]


@router.get("/compare", summary="Compare versions of a model", response_model=Comparison)
async def compare(
    model: str, versions: Names, caller: Reader, context: RequestContext, limit: Rows = 500
) -> Response:
    """Answer metadata, files and tensors side by side; rows that differ come first.

    Tensors are those that headers of safetensors, GGUF and ONNX files tell of. A tensor of equal
    dtype and shape is `same` or `changed` where digests or a read of bounded cost decide it, else
    `alike`.
    """
    found = await compare_versions(model, versions, limit, context)
    await caller.confirm(model)  # it may have waited
    # Written in a thread: thousands of rows would keep other requests waiting.
    body = await asyncio.to_thread(found.model_dump_json)
    return Response(body, media_type="application/json")
