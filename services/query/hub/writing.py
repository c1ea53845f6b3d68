"""The writing calls of Hugging Face clients: handed on to ingest, or refused in words.

What is asked of ingest names the model as the registry does, so that it decides who may by that.
"""

from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from services.query.context import Context, RequestContext
from services.query.hub.routes import ERRORS, REPO
from shared.database.models import find_model
from shared.domain.access.actions import Action
from shared.domain.errors import Conflict, InvalidRequest, checked
from shared.domain.hub_names import DEFAULT_NAMESPACE, model_of_repo
from shared.web.access.caller import Caller, declares
from shared.web.json_body import JsonRoute
from shared.web.repo_paths import model_of

NO_XET = (
    "Xet uploads are not supported, since bytes would pass through this service:"
    " set HF_HUB_DISABLE_XET=1 in the environment and upload again"
)
_JSON: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
_ANY_BODY = {"requestBody": {"content": _JSON}}
_NDJSON = {"requestBody": {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}}

router = APIRouter(tags=["hugging face"], responses=ERRORS, route_class=JsonRoute)
Writer = Annotated[Caller, declares(Action.UPLOAD)]
Mover = Annotated[Caller, declares(Action.MOVE_ALIAS)]
Anyone = Annotated[Caller, declares(Action.IDENTIFY)]


class RepoRequest(BaseModel):
    """Makes a repository; what else its clients say of one has no meaning here."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1, max_length=200)
    organization: str | None = Field(default=None, max_length=200)
    type: Literal["model"] | None = None


@router.post(
    "/api/repos/create",
    summary="Make a model",
    responses={409: {"description": "It is there; `url` names it", "content": _JSON}},
)
async def create_repo(request: RepoRequest, caller: Writer, context: RequestContext) -> Response:
    """Answer the model's address: it comes to be with its first version, and nothing is kept."""
    repo = f"{request.organization or DEFAULT_NAMESPACE}/{request.name}"
    model = checked("name", model_of_repo, repo)
    caller.require(model)
    told = {"url": repo, "name": repo, "id": repo}
    if await find_model(context.database, model) is None:
        return JSONResponse(told)
    return JSONResponse(
        {**told, "error": "You already created this model repo"}, HTTPStatus.CONFLICT
    )


@router.post("/api/validate-yaml", summary="Check a model card", openapi_extra=_ANY_BODY)
async def validate_card(_: Anyone) -> dict[str, list[str]]:
    """Answer that nothing is wrong: of a card's metadata nothing is asked."""
    return {"errors": [], "warnings": []}


@router.post(
    f"{REPO}/preupload/{{revision:path}}",
    summary="Ask how files are to be sent",
    openapi_extra=_ANY_BODY,
)
async def preupload(
    repo: str, revision: str, _: Writer, context: RequestContext, request: Request
) -> Response:
    """Hand it on to ingest."""
    return await _forward(repo, f"preupload/{_quoted(revision)}", request, context)


@router.post(
    "/{repo:repo}.git/info/lfs/objects/batch", summary="Announce bytes", openapi_extra=_ANY_BODY
)
async def announce_bytes(
    repo: str, _: Writer, context: RequestContext, request: Request
) -> Response:
    """Hand it on to ingest."""
    return await _forward(repo, "lfs", request, context)


@router.post(
    f"{REPO}/commit/{{revision:path}}",
    summary="Make a version by a commit",
    openapi_extra=_NDJSON,
)
async def commit(
    repo: str, revision: str, _: Writer, context: RequestContext, request: Request
) -> Response:
    """Hand it on to ingest."""
    return await _forward(repo, f"commit/{_quoted(revision)}", request, context)


@router.post(f"{REPO}/branch/{{branch:path}}", summary="Make a branch", openapi_extra=_ANY_BODY)
async def make_branch(
    repo: str, branch: str, _: Mover, context: RequestContext, request: Request
) -> Response:
    """Hand it on to ingest."""
    return await _forward(repo, f"branch/{_quoted(branch)}", request, context)


@router.delete(f"{REPO}/branch/{{branch:path}}", summary="Remove a branch")
async def remove_branch(
    repo: str, branch: str, _: Mover, context: RequestContext, request: Request
) -> Response:
    """Hand it on to ingest."""
    return await _forward(repo, f"branch/{_quoted(branch)}", request, context)


@router.post(f"{REPO}/tag/{{revision:path}}", summary="Make a tag", openapi_extra=_ANY_BODY)
async def make_tag(
    repo: str, revision: str, _: Mover, context: RequestContext, request: Request
) -> Response:
    """Hand it on to ingest: the path names a revision, and the body the tag."""
    return await _forward(repo, f"tag/{_quoted(revision)}", request, context)


@router.delete(f"{REPO}/tag/{{tag:path}}", summary="Remove a tag")
async def remove_tag(
    repo: str, tag: str, _: Mover, context: RequestContext, request: Request
) -> Response:
    """Hand it on to ingest."""
    return await _forward(repo, f"tag/{_quoted(tag)}", request, context)


@router.get(f"{REPO}/xet-write-token/{{revision:path}}", summary="Refuse uploads by Xet")
async def refuse_xet(repo: str, revision: str, _: Anyone) -> None:
    """Answer how to upload instead."""
    del repo, revision
    raise Conflict("xet_not_supported", NO_XET)


@router.delete("/api/repos/delete", summary="Refuse to delete a model", openapi_extra=_ANY_BODY)
async def refuse_deletion(_: Anyone) -> None:
    """Answer how to delete versions instead."""
    raise _refused("deleted: delete its versions by `registry delete MODEL VERSION`")


@router.post("/api/repos/move", summary="Refuse to rename a model", openapi_extra=_ANY_BODY)
async def refuse_move(_: Anyone) -> None:
    """Answer how to copy versions instead."""
    raise _refused("renamed: copy its versions by `registry copy MODEL VERSION OTHER`")


@router.put(f"{REPO}/settings", summary="Refuse to set a model up", openapi_extra=_ANY_BODY)
async def refuse_settings(repo: str, _: Anyone) -> None:
    """Answer what decides instead."""
    del repo
    raise _refused("made private, public or gated: grants decide who reads it")


async def _forward(repo: str, rest: str, request: Request, context: Context) -> Response:
    query: bytes = request.scope["query_string"]
    asked = f"?{query.decode('latin-1')}" if query else ""
    path = f"/v1/hub/models/{_quoted(model_of(repo))}/{rest}{asked}"
    return await context.ingest.forward(request, path)


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _refused(what: str) -> InvalidRequest:
    return InvalidRequest("repo", f"cannot be {what}")
