"""What operators are told of the registry as a whole: for who administers all of it."""

from typing import Annotated

from fastapi import APIRouter, Query

from registry.schemas.operations import (
    ComparisonState,
    DeadLetterList,
    PurgePage,
    StrayPage,
    UsagePage,
)
from services.query.context import RequestContext
from services.query.operations import dead_letters, operations, usage
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Cursor, KeyCursor, Limit
from shared.web.problems import PROBLEMS

router = APIRouter(prefix="/v1/operations", tags=["operations"], responses=PROBLEMS)

Operator = Annotated[Caller, declares(Action.READ_OPERATIONS)]
EVERYTHING = "*"


@router.get("/comparison", summary="Get the last comparison of buckets and records")
async def get_comparison(caller: Operator, context: RequestContext) -> ComparisonState:
    """Answer what it saw and repaired, and whether one is under way."""
    caller.require_pattern(EVERYTHING)
    return await operations.last_comparison(context)


@router.get("/strays", summary="List objects that belong to no version")
async def list_strays(
    caller: Operator, context: RequestContext, cursor: KeyCursor = None, limit: Limit = 50
) -> StrayPage:
    """Answer a page of them with their reasons, in order of bucket and key."""
    caller.require_pattern(EVERYTHING)
    return await operations.strays(cursor, limit, context)


@router.get("/usage", summary="Tell what each namespace has")
async def get_usage(caller: Operator, context: RequestContext, limit: Limit = 50) -> UsagePage:
    """Answer the largest namespaces, as search knows them."""
    caller.require_pattern(EVERYTHING)
    return await usage.usage_by_namespace(limit, context)


@router.get("/purges", summary="List what was purged of deleted versions")
async def list_purges(
    caller: Operator, context: RequestContext, cursor: Cursor = None, limit: Limit = 50
) -> PurgePage:
    """Answer how many deleted versions wait for it, and a page of those that were purged."""
    caller.require_pattern(EVERYTHING)
    return await operations.purges(cursor, limit, context)


@router.get("/dead-letters", summary="List the newest dead letters")
async def list_dead_letters(
    caller: Operator,
    context: RequestContext,
    limit: Annotated[int, Query(ge=1, le=dead_letters.MOST_SHOWN)] = 20,
) -> DeadLetterList:
    """Answer what could not be handled, with the reason; the topic is read for it."""
    caller.require_pattern(EVERYTHING)
    found = await dead_letters.newest_letters(limit, context)
    await caller.confirm()  # it may have waited
    return found
