"""What becomes of versions, over HTTP: each route parses, calls one use case, and answers."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from registry.schemas import CopyRequest, DeletedVersion, HoldRequest, Version
from registry.schemas.aliases import Why
from services.ingest.context import RequestContext
from services.ingest.idempotency import IdempotencyKey
from services.ingest.lifecycle import copying, lifecycle
from services.ingest.lifecycle.lifecycle import Named
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares
from shared.web.json_body import JsonRoute
from shared.web.moments import Moment
from shared.web.problems import PROBLEMS

router = APIRouter(
    prefix="/v1/models/{model}/versions/{version}",
    tags=["lifecycle"],
    responses=PROBLEMS,
    route_class=JsonRoute,
)

Archivist = Annotated[Caller, declares(Action.ARCHIVE)]
Deleter = Annotated[Caller, declares(Action.DELETE)]
Holder = Annotated[Caller, declares(Action.HOLD)]


@router.post("/copy", status_code=HTTPStatus.CREATED, summary="Copy a version: no byte is moved")
async def copy(
    model: str,
    version: str,
    request: CopyRequest,
    caller: Annotated[Caller, declares(Action.DOWNLOAD)],
    context: RequestContext,
    idempotency_key: IdempotencyKey = None,
    at: Moment = None,
) -> Version:
    """Answer the new version, which is ready; its files are those of the one that was copied.

    With `at`, the one that an alias pointed at then.
    """
    named = Named(model, version, caller)
    return await copying.copy_version(named, at, request, idempotency_key, context)


@router.post("/archive", summary="Put a version away")
async def archive(model: str, version: str, caller: Archivist, context: RequestContext) -> Version:
    """Answer the version: it is neither "latest" nor an alias's now, and downloads as before."""
    return await lifecycle.archive(Named(model, version, caller), context)


@router.post("/unarchive", summary="Take a version out of the archive")
async def unarchive(
    model: str, version: str, caller: Archivist, context: RequestContext
) -> Version:
    """Answer the version."""
    return await lifecycle.unarchive(Named(model, version, caller), context)


@router.put("/hold", summary="Hold a version: nothing of it is removed")
async def hold(
    model: str, version: str, request: HoldRequest, caller: Holder, context: RequestContext
) -> Version:
    """Answer the version; a hold that is there already stays as it is."""
    return await lifecycle.hold(Named(model, version, caller), request.reason, context)


@router.delete("/hold", summary="Release a version that is held")
async def release(model: str, version: str, caller: Holder, context: RequestContext) -> Version:
    """Answer the version."""
    return await lifecycle.release(Named(model, version, caller), context)


@router.delete("", summary="Delete a version")
async def delete(
    model: str,
    version: str,
    caller: Deleter,
    context: RequestContext,
    reason: Annotated[Why, Query()] = "",
) -> DeletedVersion:
    """Answer the version: it can be restored until `deletion.purge_due_at`, and its files are
    removed for good then. `children` were made from it, and stay."""
    return await lifecycle.delete(Named(model, version, caller), reason, context)


@router.post("/restore", summary="Restore a deleted version")
async def restore(model: str, version: str, caller: Deleter, context: RequestContext) -> Version:
    """Answer the version, which is what it was before."""
    return await lifecycle.restore(Named(model, version, caller), context)
