"""Edits that were made, over HTTP: each route parses, calls one use case, and answers."""

from typing import Annotated

from fastapi import APIRouter

from registry.schemas import EditPage
from services.query.context import RequestContext
from services.query.edits import edits
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Cursor, Limit
from shared.web.moments import Moment
from shared.web.problems import PROBLEMS

router = APIRouter(prefix="/v1/models/{model}", tags=["edits"], responses=PROBLEMS)

Reader = Annotated[Caller, declares(Action.READ)]


@router.get("/versions/{version}/edits", summary="List the edits of a version, the newest first")
async def list_version_edits(
    model: str,
    version: str,
    caller: Reader,
    context: RequestContext,
    cursor: Cursor = None,
    limit: Limit = 50,
    at: Moment = None,
) -> EditPage:
    """Answer a page of its edits: who made them, when, why, and what was there before and after.

    Pages are bounded in bytes too. With `at`, of the version that an alias pointed at then.
    """
    return await edits.list_version_edits(model, version, at, cursor, limit, context)


@router.get("/edits", summary="List the edits of what is said of a model, the newest first")
async def list_model_edits(
    model: str, caller: Reader, context: RequestContext, cursor: Cursor = None, limit: Limit = 50
) -> EditPage:
    """Answer a page of the edits of its description and tags; those of versions are theirs."""
    return await edits.list_model_edits(model, cursor, limit, context)
