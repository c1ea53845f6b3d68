"""Query over HTTP: each route parses, calls one use case, and answers."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from registry.schemas import Downloads, Model, ModelPage, Version, VersionPage
from services.query.context import RequestContext, context_of
from services.query.versions import downloads, lookups, pages
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Cursor, Limit
from shared.web.entity_tags import tagged
from shared.web.moments import Moment
from shared.web.path_route import PathRoute
from shared.web.problems import PROBLEMS

MAX_WAIT_SECONDS = 30

lookups_router = APIRouter(prefix="/v1", tags=["models"], responses=PROBLEMS, route_class=PathRoute)
"""Those that are asked most: a request is matched against one route after the other."""
router = APIRouter(prefix="/v1", tags=["models"], responses=PROBLEMS)

Wait = Annotated[
    float,
    Query(ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for the version to settle"),
]

Reader = Annotated[Caller, declares(Action.READ)]
Downloader = Annotated[Caller, declares(Action.DOWNLOAD)]


@lookups_router.get(
    "/models/{model}/versions/{version}",
    summary='Get a version by number, label, @alias or "latest"',
)
async def get_version(
    model: str,
    version: str,
    caller: Reader,
    request: Request,
    response: Response,
    wait: Wait = 0,
    at: Moment = None,
) -> Version:
    """Answer a version; with `wait`, once it has left pending and verifying, or at the timeout.

    With `at`, the one that an alias pointed at then. The ETag is the revision that edits count.
    """
    context = context_of(request)
    found = await lookups.find_version(model, version, context, at=at)
    return tagged(await lookups.settled(found, wait, caller, context), response)


@lookups_router.get(
    "/versions/{version_id:path}", summary="Get a version by its id, or by its uploader's id"
)
async def get_version_by_id(
    version_id: str, caller: Reader, request: Request, response: Response, wait: Wait = 0
) -> Version:
    """Answer a version; with `wait`, once it has left pending and verifying, or at the timeout."""
    context = context_of(request)
    found = await lookups.find_by_id(version_id, caller, context)
    return tagged(await lookups.settled(found, wait, caller, context), response)


@router.get(
    "/models/{model}/versions/{version}/downloads", summary="Sign download URLs of a ready version"
)
async def get_downloads(
    model: str,
    version: str,
    caller: Downloader,
    context: RequestContext,
    path: str | None = None,
    cursor: Cursor = None,
    at: Moment = None,
) -> Downloads:
    """Answer a signed URL, size and digests for each file, or for the one at `path`, in pages."""
    found = await lookups.find_version(model, version, context, at=at)
    return await downloads.sign_downloads(found, path, cursor, context)


@router.get("/models", summary="List models, in order of their names")
async def list_models(
    caller: Reader, context: RequestContext, cursor: Cursor = None, limit: Limit = 50
) -> ModelPage:
    """Answer a page of the models that the caller may read."""
    return await pages.list_models(caller.names, cursor, limit, context)


@router.get("/models/{model}", summary="Get a model")
async def get_model(
    model: str, caller: Reader, context: RequestContext, response: Response
) -> Model:
    """Answer a registered model; the ETag is the revision that edits of it count."""
    return tagged(await lookups.find_model(model, context), response)


@router.get("/models/{model}/versions", summary="List versions of a model, newest first")
async def list_versions(
    model: str, caller: Reader, context: RequestContext, cursor: Cursor = None, limit: Limit = 50
) -> VersionPage:
    """Answer a page of summaries, whatever the versions' state; pages are bounded in bytes too."""
    return await pages.list_versions(model, cursor, limit, context)
