"""The pages on which versions are compared."""

import asyncio
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.query.compare.comparing import compare_versions
from services.query.compare.routes import Names
from services.query.context import RequestContext
from services.query.ui.comparing import compared, picked, rows_of
from services.query.ui.paths import segment
from services.query.ui.rendering import page
from services.query.ui.routes import MODEL, Reader

router = APIRouter(include_in_schema=False)

Picked = Annotated[list[Annotated[str, Query(max_length=256)]], Query(max_length=50)]


@router.get("/ui/compare")
async def go_to_comparison(caller: Reader, pick: Picked = []) -> Response:  # noqa: B006
    """Lead from ticked versions, MODEL/NUMBER each, to the comparison of their model."""
    model, numbers = picked(pick)
    caller.require(model)
    query = urlencode([("versions", each) for each in numbers])
    return RedirectResponse(f"/ui/models/{segment(model)}/compare?{query}", HTTPStatus.SEE_OTHER)


@router.get(MODEL + "/compare")
async def show_comparison(
    model: str, versions: Names, request: Request, caller: Reader, context: RequestContext
) -> Response:
    """Answer versions of a model side by side; what differs comes first."""
    told = await compare_versions(model, versions, rows_of(len(versions)), context)
    await caller.confirm(model)  # it may have waited
    values = {"compared": await asyncio.to_thread(compared, told)}
    return await asyncio.to_thread(page, "compare.html", values, request=request, caller=caller)
