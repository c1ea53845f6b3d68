"""The writing calls of Hugging Face clients, as query hands them on: each parses, calls one use
case, and answers."""

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from registry.schemas.names import check_model_name
from services.ingest.context import RequestContext
from services.ingest.hub import commits, modes, refs, staging
from services.ingest.hub.bodies import (
    REVISION_CHARACTERS,
    BranchRequest,
    CommitAnswer,
    LfsBatchAnswer,
    LfsBatchRequest,
    PreuploadAnswer,
    PreuploadRequest,
    TagRequest,
)
from services.ingest.hub.commit_lines import read_commit
from services.ingest.hub.drafts import Asked
from services.ingest.hub.refs import NamedRef
from shared.domain.access.actions import Action
from shared.domain.access.audit import Change
from shared.domain.commits import MAIN
from shared.domain.errors import InvalidRequest, checked
from shared.domain.hub_names import commit_of_version, repo_of_model
from shared.web.access.caller import Caller, declares
from shared.web.json_body import JsonRoute
from shared.web.problems import PROBLEMS

WARNING = "X-HF-Warning"
NO_XET = "xet; Uploads to this registry need HF_HUB_DISABLE_XET=1 in the environment"
NDJSON = "application/x-ndjson"

router = APIRouter(
    prefix="/v1/hub", tags=["hugging face"], responses=PROBLEMS, route_class=JsonRoute
)
Writer = Annotated[Caller, declares(Action.UPLOAD)]
Mover = Annotated[Caller, declares(Action.MOVE_ALIAS)]
CreatePr = Annotated[str | None, Query(max_length=8, description="Is refused: there are none")]


@router.post("/models/{model}/preupload/{revision:path}", summary="Ask how files are to be sent")
async def preupload(
    model: str,
    revision: str,
    request: PreuploadRequest,
    caller: Writer,
    context: RequestContext,
    response: Response,
    create_pr: CreatePr = None,
) -> PreuploadAnswer:
    """Answer for each file whether it goes into the commit or to storage."""
    del caller  # the path names the model
    checked("model", check_model_name, model)
    _require_branch(revision, create_pr)
    files = await modes.choose_modes(model, revision, request, context)
    if any(each.upload_mode == "lfs" for each in files):
        response.headers[WARNING] = NO_XET
    return PreuploadAnswer(files=files)


@router.post("/models/{model}/lfs", summary="Announce bytes", response_model_exclude_none=True)
async def announce_bytes(
    model: str, request: LfsBatchRequest, caller: Writer, context: RequestContext
) -> LfsBatchAnswer:
    """Answer for each object where its parts are to be sent, or that its bytes are there."""
    checked("model", check_model_name, model)  # bytes wait below it
    async with caller.audited(Change.STAGE_BYTES, model):
        return LfsBatchAnswer(objects=await staging.announce_bytes(model, request, caller, context))


@router.post(
    "/staged/{staged_id}/complete",
    summary="Say that every part was sent",
    dependencies=[declares(Action.PUBLIC)],
)
async def tell_sent(
    staged_id: str, secret: Annotated[str, Query(max_length=100)], context: RequestContext
) -> dict[str, bool]:
    """Answer once storage has every part; the address carries the right to it."""
    await staging.tell_sent(staged_id, secret, context)
    return {"success": True}


@router.post(
    "/models/{model}/commit/{revision:path}",
    summary="Make a version by a commit",
    openapi_extra={
        "requestBody": {"content": {NDJSON: {"schema": {"type": "string"}}}, "required": True}
    },
)
async def make_commit(
    model: str,
    revision: str,
    caller: Writer,
    context: RequestContext,
    request: Request,
    response: Response,
    create_pr: CreatePr = None,
) -> CommitAnswer:
    """Answer the commit id of the version, ready or about to be."""
    _require_branch(revision, create_pr)
    body = await request.body()
    commit = await asyncio.to_thread(read_commit, body)
    version = await commits.make_commit(Asked(model, revision, commit, caller), context)
    if version.state != "ready":
        elsewhere = (
            "" if revision == MAIN else f", and the next commit on {revision} moves it there"
        )
        response.headers[WARNING] = (
            f"; version {version.number} is still being verified: it can be downloaded after that"
            f"{elsewhere}"
        )
    oid = commit_of_version(version.id)
    repo = repo_of_model(model) or model
    return CommitAnswer(commit_oid=oid, commit_url=f"{repo}/commit/{oid}")


@router.post("/models/{model}/branch/{branch:path}", summary="Make a branch", status_code=201)
async def make_branch(
    model: str, branch: str, request: BranchRequest, caller: Mover, context: RequestContext
) -> dict[str, bool]:
    """Let an alias of this name point at a version."""
    ref = NamedRef(model, branch, caller)
    await refs.make_ref(ref, request.starting_point, "", context)
    return {"success": True}


@router.post("/models/{model}/tag/{revision:path}", summary="Make a tag", status_code=201)
async def make_tag(
    model: str, revision: str, request: TagRequest, caller: Mover, context: RequestContext
) -> dict[str, bool]:
    """Let an alias point at a version: the path names the version, and the body the tag."""
    ref = NamedRef(model, request.tag, caller)
    await refs.make_ref(ref, revision, request.message, context)
    return {"success": True}


@router.delete(
    "/models/{model}/branch/{branch:path}",
    summary="Remove a branch",
    status_code=HTTPStatus.NO_CONTENT,
)
async def remove_branch(model: str, branch: str, caller: Mover, context: RequestContext) -> None:
    """Let the alias point nowhere; its history stays."""
    await refs.remove_ref(NamedRef(model, branch, caller), context)


@router.delete(
    "/models/{model}/tag/{tag:path}", summary="Remove a tag", status_code=HTTPStatus.NO_CONTENT
)
async def remove_tag(model: str, tag: str, caller: Mover, context: RequestContext) -> None:
    """Let the alias point nowhere; its history stays."""
    await refs.remove_ref(NamedRef(model, tag, caller), context)


def _require_branch(revision: str, create_pr: str | None) -> None:
    if create_pr not in (None, "", "0", "false"):
        raise InvalidRequest("create_pr", "is not supported: commit to a branch")
    if revision.startswith("refs/"):
        raise InvalidRequest("revision", "must be main or the name of a branch")
    if len(revision) > REVISION_CHARACTERS:
        raise InvalidRequest("revision", f"must be at most {REVISION_CHARACTERS} characters")
