"""The calls of OCI clients: each route parses, calls one use case, and answers."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel

from services.query.context import RequestContext
from services.query.oci import pulling
from services.query.oci.errors import NAME_INVALID
from services.query.versions.downloads import sign_file
from shared.domain.access.actions import Action
from shared.domain.errors import checked
from shared.domain.oci_manifests import Content
from shared.domain.oci_names import model_of_oci_name
from shared.web.access.caller import Caller, declares

VERSION_HEADER = {"Docker-Distribution-API-Version": "registry/2.0"}
DIGEST_HEADER = "Docker-Content-Digest"
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": "`errors` says why, each with its code",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    for status in ("4XX", "5XX")
}
MANIFEST = "/v2/{name:path}/manifests/{reference}"
BLOB = "/v2/{name:path}/blobs/{digest}"

router = APIRouter(tags=["oci"], responses=ERRORS)
Reader = Annotated[Caller, declares(Action.READ)]
Downloader = Annotated[Caller, declares(Action.DOWNLOAD)]


class Tags(BaseModel):
    """A page of tags."""

    name: str
    tags: Sequence[str]


async def _readable(name: str, caller: Reader) -> str:
    """Return the model of a path whose caller may read it; raises what refuses them."""
    model = _model_of(name)
    caller.require(model)
    return model


async def _downloadable(name: str, caller: Downloader) -> str:
    """Return the model of a path whose caller may download it; raises what refuses them."""
    model = _model_of(name)
    caller.require(model)
    return model


ReadModel = Annotated[str, Depends(_readable)]
DownloadedModel = Annotated[str, Depends(_downloadable)]


@router.get("/v2/", summary="Whether the caller may pull anything")
async def check_version(caller: Reader) -> JSONResponse:
    """Answer that this version of the protocol is spoken."""
    caller.require_somewhere()
    return JSONResponse({}, headers=VERSION_HEADER)


@router.head(MANIFEST, summary="What the manifest of a version is")
async def head_manifest(model: ReadModel, reference: str, context: RequestContext) -> Response:
    """Answer digest, size and type."""
    return _without_body(await pulling.find_manifest(model, reference, context))


@router.get(MANIFEST, summary="Get the manifest of a version by tag or digest")
async def get_manifest(model: ReadModel, reference: str, context: RequestContext) -> Response:
    """Answer what the version consists of; a tag is a number, a label, an alias or "latest"."""
    return _whole(await pulling.find_manifest(model, reference, context))


@router.head(BLOB, summary="What a blob is")
async def head_blob(model: ReadModel, digest: str, context: RequestContext) -> Response:
    """Answer its size."""
    found = await pulling.find_blob(model, digest, context)
    if isinstance(found, Content):
        return _without_body(found)
    return _sized("application/octet-stream", found[1].size_bytes, digest)


@router.get(BLOB, summary="Get a blob, from storage", status_code=307)
async def get_blob(model: DownloadedModel, digest: str, context: RequestContext) -> Response:
    """Answer where storage gives it, signed for some hours; a config itself."""
    found = await pulling.find_blob(model, digest, context)
    if isinstance(found, Content):
        return _whole(found)
    version, artifact = found
    ttl_seconds = context.settings.tool_url_life_seconds
    signed = sign_file(version.storage_group, artifact, ttl_seconds, context)
    return RedirectResponse(signed.url, 307, {DIGEST_HEADER: digest, **VERSION_HEADER})


@router.get("/v2/{name:path}/tags/list", summary="List the tags of a model")
async def get_tags(
    name: str,
    model: ReadModel,
    context: RequestContext,
    response: Response,
    n: Annotated[
        int | None, Query(ge=0, description="At most so many; then `Link` goes on")
    ] = None,
    last: Annotated[str | None, Query(max_length=200, description="Those behind this one")] = None,
) -> Tags:
    """Answer numbers, labels, aliases and "latest", in their order."""
    tags, has_more = await pulling.list_tags(model, context, after=last, limit=n)
    response.headers.update(VERSION_HEADER)
    if has_more and tags:
        query = urlencode({"n": n, "last": tags[-1]})
        response.headers["Link"] = f'</v2/{name}/tags/list?{query}>; rel="next"'
    return Tags(name=name, tags=tags)


def _model_of(name: str) -> str:
    """Return the model that a name stands for; raises InvalidRequest."""
    return checked("name", model_of_oci_name, name, NAME_INVALID)


def _whole(content: Content) -> Response:
    return Response(content.data, headers=_headers(content.digest), media_type=content.media_type)


def _without_body(content: Content) -> Response:
    return _sized(content.media_type, len(content.data), content.digest)


def _sized(media_type: str, size_bytes: int, digest: str) -> Response:
    headers = {**_headers(digest), "Content-Length": str(size_bytes)}
    return Response(headers=headers, media_type=media_type)


def _headers(digest: str) -> Mapping[str, str]:
    return {DIGEST_HEADER: digest, "ETag": f'"{digest}"', **VERSION_HEADER}
