"""Uploading from a browser: the page, and what its script asks ingest for by way of query.

Bytes go from the browser to storage, by the URLs that ingest signs.
"""

import json
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.query.context import Context, RequestContext
from services.query.ui.ended import no_answer, taken
from services.query.ui.forms import require_script_of_ours
from services.query.ui.paths import MODEL, UPLOADS, segment
from services.query.ui.rendering import page
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares

router = APIRouter(include_in_schema=False)

Uploader = Annotated[Caller, declares(Action.UPLOAD)]
Sender = Annotated[Caller, declares(Action.IDENTIFY)]
"""Who sends what is handed on: ingest decides whether they may."""
UPLOAD = UPLOADS + "/{upload_id}"
_API = "/v1/uploads"


@router.get("/ui/upload")
async def show_new(request: Request, caller: Uploader, context: RequestContext) -> Response:
    """Answer the page that uploads a version of a model that it names itself."""
    caller.require_somewhere()
    return _page("", request, caller, context)


@router.get(MODEL + "/upload")
async def show(model: str, request: Request, caller: Uploader, context: RequestContext) -> Response:
    """Answer the page that uploads a version of a model, which need not be there yet."""
    return _page(model, request, caller, context)


@router.post(UPLOADS)
async def open_upload(request: Request, _: Uploader, context: RequestContext) -> Response:
    """Hand it on; what ingest answers for a job that is handed the upload is left out."""
    answer = await _forwarded(request, context, f"{_API}?reuse=true")
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        return answer
    try:
        told: Any = json.loads(bytes(answer.body))
        told.pop("token", None)
    except (ValueError, AttributeError, TypeError):  # something between here and ingest answered
        raise no_answer(answer) from None
    return Response(json.dumps(told), answer.status_code, media_type="application/json")


@router.get(UPLOAD)
async def read_upload(
    upload_id: str, request: Request, _: Sender, context: RequestContext
) -> Response:
    """Hand it on."""
    return await _forwarded(request, context, f"{_API}/{segment(upload_id)}")


@router.post(UPLOAD + "/parts")
async def sign_parts(
    upload_id: str, request: Request, _: Sender, context: RequestContext
) -> Response:
    """Hand it on."""
    return await _forwarded(request, context, f"{_API}/{segment(upload_id)}/parts")


@router.post(UPLOAD + "/complete")
async def complete_upload(
    upload_id: str, request: Request, _: Sender, context: RequestContext
) -> Response:
    """Hand it on."""
    return await _forwarded(request, context, f"{_API}/{segment(upload_id)}/complete")


@router.delete(UPLOAD)
async def abort_upload(
    upload_id: str, request: Request, _: Sender, context: RequestContext
) -> Response:
    """Hand it on."""
    return await _forwarded(request, context, f"{_API}/{segment(upload_id)}")


def _page(model: str, request: Request, caller: Caller, context: Context) -> Response:
    """Return the page; it hashes each file that ingest has it send in one body."""
    values = {"model": model, "single_put_bytes": context.settings.upload_single_put_max_bytes}
    return page("upload.html", values, request=request, caller=caller)


async def _forwarded(request: Request, context: Context, path: str) -> Response:
    require_script_of_ours(request)
    return await taken(request, context.ingest.forward(request, path))
