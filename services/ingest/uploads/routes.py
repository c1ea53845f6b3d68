"""Ingest over HTTP: each route parses, calls one use case, and answers."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Response

from registry.schemas import (
    CompleteRequest,
    SignedParts,
    SignPartsRequest,
    UploadRequest,
    UploadSession,
)
from services.ingest.context import RequestContext
from services.ingest.uploads import completion, opening, parts
from shared.web.json_body import JsonRoute
from shared.web.problems import PROBLEMS

router = APIRouter(
    prefix="/v1/uploads", tags=["uploads"], responses=PROBLEMS, route_class=JsonRoute
)

IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=256, pattern=r"^[\x21-\x7e]+$"),
]


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    summary="Open an upload session",
    responses={200: {"model": UploadSession, "description": "The key had opened it before"}},
)
async def open_upload(
    request: UploadRequest,
    context: RequestContext,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> UploadSession:
    """Open a session, or answer the open one that this idempotency key opened before (200)."""
    session, created = await opening.open_upload(request, idempotency_key, context)
    if not created:
        response.status_code = HTTPStatus.OK
    return session


@router.get("/{upload_id}", summary="Read a session, with its parts as storage knows them")
async def read_upload(upload_id: str, context: RequestContext) -> UploadSession:
    """Answer the session, with fresh signed URLs for single PUTs that are still to be sent."""
    return await opening.read_upload(upload_id, context)


@router.post("/{upload_id}/parts", summary="Sign some parts, for the first time or again")
async def sign_parts(
    upload_id: str, request: SignPartsRequest, context: RequestContext
) -> SignedParts:
    """Answer one signed PUT for each part."""
    return await parts.sign_parts(upload_id, request, context)


@router.post("/{upload_id}/complete", summary="Say that every byte has been sent")
async def complete_upload(
    upload_id: str, context: RequestContext, request: CompleteRequest | None = None
) -> UploadSession:
    """Join the parts of every file; may be repeated."""
    return await completion.complete_upload(upload_id, request or CompleteRequest(), context)


@router.delete("/{upload_id}", status_code=HTTPStatus.NO_CONTENT, summary="Abort a session")
async def abort_upload(upload_id: str, context: RequestContext) -> None:
    """Reject the version and remove what was uploaded; may be repeated."""
    await completion.abort_upload(upload_id, context)
