"""Completion of the filter over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from services.query.context import RequestContext
from services.query.search.language.fields import Kind
from services.query.ui.completion import MAX_CHARACTERS, complete
from services.query.ui.routes import Reader

router = APIRouter(include_in_schema=False)

Beginning = Annotated[str, Query(max_length=MAX_CHARACTERS)]


@router.get("/ui/completions")
async def get_completions(
    caller: Reader, context: RequestContext, beginning: Beginning = "", kind: Kind = "versions"
) -> Response:
    """Answer the fields and entries that begin so, of what the caller may read."""
    found = await complete(beginning, kind, caller.names, context)
    return JSONResponse({"items": list(found)})
