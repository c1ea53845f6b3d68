"""The calls of clients of Hugging Face: each route parses, calls one use case, and answers."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from registry.schemas import Artifact, Version
from services.query.context import RequestContext
from services.query.hub import listing, repos, trees
from services.query.hub.answers import AccessToken, Auth, Refs, RepoInfo, TreeRow, WhoAmI
from services.query.hub.asked import (
    FORM,
    DownloadedModel,
    Downloader,
    ListQuery,
    Reader,
    ReadModel,
    TreeQuery,
    asked_paths,
    require_supported,
    tell_next,
)
from services.query.hub.beginnings import find_file
from services.query.hub.errors import COMMIT_HEADER
from services.query.versions.downloads import sign_file
from shared.domain.access.actions import Action
from shared.domain.access.decision import may_change
from shared.domain.hub_files import hub_file
from shared.domain.hub_names import commit_of_version
from shared.web.access.caller import Caller, declares

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    for status, description in {
        "4XX": "It cannot be done; X-Error-Code says what is missing, and `error` why",
        "5XX": "A server behind this one does not answer; try again after Retry-After seconds",
    }.items()
}

router = APIRouter(tags=["hugging face"], responses=ERRORS)
Blobs = Annotated[bool, Query(description="Tell size and digest of each file")]
FILE = "/{repo:repo}/resolve/{revision}/{path:path}"
REPO = "/api/models/{repo:repo}"


@router.head(FILE, summary="What a file is")
async def head_file(
    model: ReadModel, revision: str, path: str, caller: Reader, context: RequestContext
) -> Response:
    """Answer size, ETag and commit of a file, itself: a client follows where it is told to go."""
    version, artifact = await find_file(model, revision, path, caller, context)
    headers = {
        **_file_headers(version, artifact),
        "Content-Length": str(artifact.size_bytes),
        "Accept-Ranges": "bytes",
    }
    return Response(headers=headers, media_type="application/octet-stream")


@router.get(FILE, summary="Get a file, from storage", status_code=302)
async def get_file(
    model: DownloadedModel, revision: str, path: str, caller: Downloader, context: RequestContext
) -> RedirectResponse:
    """Answer where storage gives the file, signed for some hours."""
    version, artifact = await find_file(model, revision, path, caller, context)
    ttl_seconds = context.settings.tool_url_life_seconds
    signed = sign_file(version.storage_group, artifact, ttl_seconds, context)
    return RedirectResponse(signed.url, 302, _file_headers(version, artifact))


@router.get("/api/whoami-v2", summary="Who the caller is, as a user of Hugging Face")
async def get_who_am_i(caller: Annotated[Caller, declares(Action.IDENTIFY)]) -> WhoAmI:
    """Answer the name of the caller's credential."""
    found = caller.principal
    role = "write" if may_change(found.grants) else "read"
    token = AccessToken(display_name=found.name, role=role)
    return WhoAmI(id=found.id, name=found.name, fullname=found.name, auth=Auth(access_token=token))


@router.get(
    "/api/models", summary="List models with a ready version", response_model_exclude_none=True
)
async def get_repos(
    caller: Reader,
    context: RequestContext,
    request: Request,
    response: Response,
    asked: Annotated[ListQuery, Query()],
) -> Sequence[RepoInfo]:
    """Answer a page of the models that the caller may read; `Link` names the next one."""
    require_supported(request)
    wanted = listing.Wanted(asked.search, asked.author)
    limit = min(asked.limit or listing.PAGE_MODELS, listing.MOST_LISTED)
    found, more = await listing.list_repos(
        wanted, caller.names, asked.cursor, limit, context, with_files=asked.full
    )
    tell_next(response, request, more, context.settings)
    return found


@router.get(
    f"{REPO}/revision/{{revision}}",
    summary="Get a model at a revision",
    response_model_exclude_none=True,
)
async def get_repo_at(
    model: ReadModel, revision: str, context: RequestContext, blobs: Blobs = False
) -> RepoInfo:
    """Answer the files of a version: by commit, "main", number, label, @alias or alias."""
    return await repos.describe(model, revision, context, with_blobs=blobs)


@router.get(
    f"{REPO}/tree/{{revision}}",
    summary="List the files of a version",
    response_model_exclude_none=True,
)
async def get_tree(
    model: ReadModel,
    revision: str,
    context: RequestContext,
    request: Request,
    response: Response,
    asked: Annotated[TreeQuery, Query()],
) -> Sequence[TreeRow]:
    """Answer a page of rows; `Link` names the next one."""
    return await get_folder(model, revision, "", context, request, response, asked)


@router.get(
    f"{REPO}/tree/{{revision}}/{{folder:path}}",
    summary="List a folder of a version",
    response_model_exclude_none=True,
)
async def get_folder(
    model: ReadModel,
    revision: str,
    folder: str,
    context: RequestContext,
    request: Request,
    response: Response,
    asked: Annotated[TreeQuery, Query()],
) -> Sequence[TreeRow]:
    """Answer a page of rows; `Link` names the next one."""
    rows, more = await trees.list_folder(
        model,
        revision,
        folder.strip("/"),
        context,
        is_recursive=asked.recursive,
        with_commits=asked.expand,
        cursor=asked.cursor,
        limit=asked.rows,
    )
    tell_next(response, request, more, context.settings)
    return rows


@router.post(
    f"{REPO}/paths-info/{{revision}}",
    summary="Get files and folders of a version by their paths",
    response_model_exclude_none=True,
    openapi_extra={"requestBody": {"content": {FORM: {"schema": {"type": "object"}}}}},
)
async def get_paths(
    model: ReadModel, revision: str, context: RequestContext, request: Request
) -> Sequence[TreeRow]:
    """Answer those that there are; `paths` may stand in a form, or in JSON."""
    paths, expand = asked_paths(await request.body(), request.headers.get("content-type", ""))
    return await trees.find_paths(model, revision, paths, context, with_commits=expand)


@router.get(f"{REPO}/refs", summary="List the names of a model's versions")
async def get_refs(model: ReadModel, context: RequestContext) -> Refs:
    """Answer "main" and aliases as branches, labels as tags."""
    return await repos.list_refs(model, context)


@router.get(f"{REPO}/auth-check", summary="Whether the caller may read a model")
async def check_access(model: ReadModel, context: RequestContext) -> dict[str, str]:
    """Answer which model it is."""
    return {"id": (await repos.describe(model, None, context)).id}


@router.get(REPO, summary="Get a model and its newest version", response_model_exclude_none=True)
async def get_repo(model: ReadModel, context: RequestContext, blobs: Blobs = False) -> RepoInfo:
    """Answer a model; without `sha` where no version of it is ready."""
    return await repos.describe(model, None, context, with_blobs=blobs)


def _file_headers(version: Version, artifact: Artifact) -> dict[str, str]:
    file = hub_file(artifact)
    return {
        COMMIT_HEADER: commit_of_version(version.id),
        "ETag": f'"{file.entity_tag}"',
        "X-Linked-ETag": f'"{file.entity_tag}"',
        "X-Linked-Size": str(file.size_bytes),
    }
